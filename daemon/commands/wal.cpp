#include "commands/wal.h"

#include "commands/commands.h"

namespace pgrecall {

void add_wal(CommandLine& line) {
  CLI::App& wal = add_group(line, "wal", "The write-ahead log: receive, archive, search");
  add_wal_status(line, wal);
  add_wal_events(line, wal);
  add_wal_receive(line, wal);
  add_wal_push(line, wal);
  add_wal_fetch(line, wal);
}

}  // namespace pgrecall
