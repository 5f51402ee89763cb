#pragma once

#include <optional>
#include <string>
#include <vector>

#include "repository/names.h"
#include "repository/repository.h"
#include "repository/summary.h"

namespace pgrecall {

// What the repository holds of one cluster's backups, from summaries and marks alone.
struct ListedBackup {
  BackupSummary summary;
  bool pinned = false;
  std::string pin_note;
  std::optional<Time> verified;
  std::optional<Time> damaged;  // newest mark; counts only when it is newer than `verified`
};

// What cannot be read, as verify and list report it: the object and why. One damaged summary hides no other backup.
struct DamagedBackup {
  BackupId id;
  std::string object;
  std::string problem;
};

struct Catalog {
  std::vector<ListedBackup> backups;  // oldest first
  std::vector<DamagedBackup> damaged;
  std::vector<BackupId> unfinished;  // something is there, but no summary
  std::vector<BackupId> expired;     // removed; what is left goes with the next sweeps
};

[[nodiscard]] std::vector<std::string> list_clusters(const Repository& repository);
[[nodiscard]] Catalog read_catalog(const Repository& repository, const std::string& cluster);
// Nothing when there is no such backup.
[[nodiscard]] std::optional<ListedBackup> find_backup(const Repository& repository, const std::string& cluster,
                                                      const BackupId& id);

// The commit; read back. Error{failed} when the id is taken.
void put_summary(const Repository& repository, const BackupSummary& summary);
// A mark of the backup: "pinned", "unpinned", "verified", "damaged", "expired". Where an earlier mark of the same question
// (pinned or not, verified or damaged) does not have an earlier time, this one gets the next second after it, so that the last
// word counts.
void put_mark(const Repository& repository, const std::string& cluster, const BackupId& id, std::string_view mark, Time time,
              const std::string& note);

// What a cluster is: put once for each system identifier, and compared afterwards.
struct SystemRecord {
  std::uint64_t system_identifier = 0;
  unsigned server_version = 0;  // when first seen
  std::uint32_t page_size = 0;
  std::uint32_t wal_segment_size = 0;
  bool page_checksums = false;
  Time first_seen;
};
void record_system(const Repository& repository, const std::string& cluster, const SystemRecord& record);
// Nothing where it was never recorded, as of WAL that came by push alone.
[[nodiscard]] std::optional<SystemRecord> read_system(const Repository& repository, const ClusterSystem& system);
[[nodiscard]] std::vector<SystemRecord> read_systems(const Repository& repository, const std::string& cluster);

}  // namespace pgrecall
