#include "commands/wal.h"

#include "commands/commands.h"

namespace pgrecall {

Compression configured_compression(const CompressionConfig& configured) {
  switch (configured.method) {
    case CompressionConfig::Method::zstd: return {.method = CompressionMethod::zstd, .level = configured.level};
    case CompressionConfig::Method::lz4: return {.method = CompressionMethod::lz4, .level = configured.level};
    case CompressionConfig::Method::none: break;
  }
  return {.method = CompressionMethod::none, .level = 1};
}

void add_wal(CommandLine& line) {
  CLI::App& wal = add_group(line, "wal", "The write-ahead log: receive, archive");
  add_wal_status(line, wal);
  add_wal_receive(line, wal);
  add_wal_push(line, wal);
  add_wal_fetch(line, wal);
}

}  // namespace pgrecall
