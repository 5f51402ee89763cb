#include "commands/commands.h"

namespace pgrecall {

void declare_commands(CommandLine& line) {
  add_daemon(line);
  add_status(line);
  add_runs(line);
  add_backup(line);
  add_list(line);
  add_show(line);
  add_pin(line);
  add_restore(line);
  add_extract(line);
  add_verify(line);
  add_drill(line);
  add_expire(line);
  add_wal(line);
  add_schedule(line);
  add_check(line);
  add_supabase(line);
  add_alert(line);
  add_config(line);
  add_repo(line);
  add_version(line);
}

}  // namespace pgrecall
