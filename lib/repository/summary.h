#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/lsn.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// What `keep` a backup was taken for; decides, with the policy, how long it stays.
enum class Keep { daily, weekly, monthly, manual };
[[nodiscard]] std::string_view name(Keep keep) noexcept;
[[nodiscard]] std::optional<Keep> parse_keep(std::string_view text) noexcept;

struct SummaryTablespace {
  std::uint32_t oid = 0;
  std::string location;
  std::uint64_t size = 0;  // bytes of its files
};

// One page of the source whose checksum is wrong.
struct PageFailure {
  std::string file;         // path in the data directory
  std::uint64_t block = 0;  // in the relation's fork, counted over all segment files
  std::uint16_t expected = 0;
  std::uint16_t found = 0;
  std::string reread;  // "same", "not permitted", "failed: ..."
};

// One page that the server was writing when it was read: its checksum is wrong here, and WAL replay brings it whole.
struct TornPage {
  std::string file;
  std::uint64_t block = 0;  // as PageFailure's
};

// Files from outside of the database that are kept with it: those of one name in the configuration, under companions.
struct SummaryCompanion {
  std::string name;
  Time gathered;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;           // sum of all files
  std::string problem;               // why it could not be gathered: then the backup holds nothing of it; empty when it does
  std::vector<std::string> secrets;  // paths within it that look like keys or passwords, by their names; the first 100
};

// What a backup is, as the object that commits it says. Everything that `list` and `show` tell; a few KB.
struct BackupSummary {
  BackupId id;
  std::string cluster;
  std::uint64_t system_identifier = 0;
  unsigned server_version = 0;  // server_version_num
  Time started;                 // by this host's clock
  Time finished;
  Lsn start_lsn;
  Lsn stop_lsn;
  Timeline timeline = 0;
  std::uint32_t page_size = 0;
  std::uint32_t wal_segment_size = 0;
  std::uint32_t relation_segment_blocks = 0;
  bool page_checksums = false;
  bool from_standby = false;
  std::string label;
  Keep keep = Keep::manual;
  std::string note;
  std::optional<BackupId> parent;  // whose chunks it could share
  std::string compression;         // "zstd 1"

  std::uint64_t files = 0;
  std::uint64_t logical_bytes = 0;  // sum of all files
  std::uint64_t stored_bytes = 0;   // new objects that this backup put: packs, manifest, WAL
  std::uint64_t shared_bytes = 0;   // logical bytes found in earlier backups
  std::uint64_t chunks_new = 0;
  std::uint64_t chunks_shared = 0;
  std::uint64_t wal_bytes = 0;  // as stored
  std::uint64_t manifest_size = 0;
  Sha256Digest manifest_digest;
  std::vector<SummaryTablespace> tablespaces;
  std::vector<PageFailure> page_failures;  // the first 1000
  std::uint64_t page_failure_count = 0;
  std::vector<TornPage> torn_pages;  // the first 1000
  std::uint64_t torn_page_count = 0;
  std::vector<std::string> configuration_files;
  std::vector<SummaryCompanion> companions;
  std::vector<std::string> warnings;
  std::string tool;  // "pgrecall 0.1.0"
};

// Summary payload as JSON; parsing throws Error{corruption} naming the object.
[[nodiscard]] std::string format_summary(const BackupSummary& summary);
[[nodiscard]] BackupSummary parse_summary(std::string_view json, std::string_view object_name);

}  // namespace pgrecall
