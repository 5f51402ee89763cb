#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/lsn.h"

namespace pgrecall {

// The server's own backup_manifest. Sources: "Backup Manifest Format" in PostgreSQL's documentation,
// src/backend/backup/backup_manifest.c, src/common/parse_manifest.c. Version 1 is of 13 to 16, version 2 of 17 and newer.

// pg_checksum_type in src/include/common/checksum_helper.h.
enum class ManifestChecksum { none, crc32c, sha224, sha256, sha384, sha512 };

// "NONE", "CRC32C", "SHA224" ... as the manifest and BASE_BACKUP's MANIFEST_CHECKSUMS write them.
[[nodiscard]] std::string_view name(ManifestChecksum algorithm) noexcept;

struct ManifestFile {
  std::string path;  // relative to the data directory; raw bytes, decoded from Encoded-Path where it was no UTF-8
  std::uint64_t size = 0;
  std::string last_modified;  // "2026-11-23 02:30:00 GMT"
  ManifestChecksum algorithm = ManifestChecksum::none;
  Bytes checksum;  // as the algorithm's bytes; CRC-32C is little-endian. Empty for none
};

// WAL that recovery of the backup needs, on one timeline.
struct ManifestWalRange {
  Timeline timeline = 0;
  Lsn start;
  Lsn end;

  bool operator==(const ManifestWalRange&) const = default;
};

struct BackupManifest {
  unsigned version = 0;                            // 1 or 2
  std::optional<std::uint64_t> system_identifier;  // version 2
  std::vector<ManifestWalRange> wal_ranges;        // newest timeline first, as the server writes them
  std::uint64_t file_count = 0;
  std::uint64_t total_size = 0;  // bytes of all files
};

// Takes each file as soon as it was read, before the manifest's own checksum could be checked: what is done with it must be
// undone when finish() throws. What it throws passes through feed().
class BackupManifestSink {
 public:
  virtual ~BackupManifestSink() = default;
  virtual void on_file(const ManifestFile& file) = 0;
};

// Reads a manifest that comes in pieces of any size, in memory that does not grow with it. Error of kind corruption with the
// offset for all that is no such manifest, also unknown keys and paths that would leave the data directory.
// One thread at a time.
class BackupManifestReader {
 public:
  // `sink` must outlive the reader.
  explicit BackupManifestReader(BackupManifestSink& sink);
  ~BackupManifestReader();
  BackupManifestReader(const BackupManifestReader&) = delete;
  BackupManifestReader& operator=(const BackupManifestReader&) = delete;

  void feed(ByteView bytes);
  // The manifest is complete: checks Manifest-Checksum (SHA-256 of all bytes before the last line) and that nothing is missing.
  [[nodiscard]] BackupManifest finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Of a whole manifest in memory. `sink` as above.
[[nodiscard]] BackupManifest read_backup_manifest(ByteView bytes, BackupManifestSink& sink);

}  // namespace pgrecall
