#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "postgres/connection.h"
#include "postgres/replication_messages.h"

namespace pgrecall {

enum class BackupCheckpoint { fast, spread };
// Which backup_manifest the server makes.
enum class ServerManifest { none, without_checksums, crc32c, sha256 };
// Whether the server checks page checksums while it reads. A reader that checks pages itself saves the server the work.
enum class ServerChecksumCheck { off, on };
// Asked for sizes, the server walks all files once before it starts.
enum class SizeEstimate { none, ask };

struct BaseBackupOptions {
  std::string label = "pgrecall";
  BackupCheckpoint checkpoint = BackupCheckpoint::spread;
  std::uint64_t max_rate_bytes = 0;  // per second, at the server; 0 is unlimited. 32 KiB to 1 GiB, brought into that range
  ServerManifest manifest = ServerManifest::crc32c;
  ServerChecksumCheck checksum_check = ServerChecksumCheck::off;
  SizeEstimate sizes = SizeEstimate::ask;
};

struct BaseBackupStart {
  Lsn start;
  Timeline timeline = 0;
  std::vector<BackupTablespace> tablespaces;  // the data directory (oid 0) is one of them, the last
};

struct BaseBackupEnd {
  Lsn stop;
  Timeline timeline = 0;
};

// Takes a base backup as it arrives, in this order, whatever the server's version:
// on_start, then for each tablespace (the data directory last) on_archive, on_data..., on_archive_end, and at last
// on_manifest_data... unless none was asked for. Called in the thread of receive_base_backup. What a call throws ends
// the backup and reaches the caller.
class BaseBackupSink {
 public:
  virtual ~BaseBackupSink() = default;
  virtual void on_start(const BaseBackupStart& start) = 0;
  // 0 is the data directory. The archive is a tar stream; the end-of-archive blocks may be missing. That of the data
  // directory has a symbolic link in pg_tblspc for each other tablespace, and no tablespace_map file.
  virtual void on_archive(std::uint32_t tablespace_oid) = 0;
  // The next bytes of the archive, cut anywhere. Valid during the call only.
  virtual void on_data(ByteView bytes) = 0;
  virtual void on_archive_end() = 0;
  virtual void on_manifest_data(ByteView bytes) = 0;
};

// The command for a server of that major version (13 and 14 have the older grammar). It never waits for archiving:
// whoever takes the backup fetches WAL itself, and needs it up to the stop LSN.
[[nodiscard]] std::string base_backup_command(const BaseBackupOptions& options, int server_major);

// Runs BASE_BACKUP (13 to 18) and returns once the server has said that the backup ended well. A refusal of the server,
// even after the last archive, its death and a cut connection are Error{database_unreachable}; then nothing that the
// sink got is a backup.
[[nodiscard]] BaseBackupEnd receive_base_backup(Connection& connection, const BaseBackupOptions& options, BaseBackupSink& sink);

}  // namespace pgrecall
