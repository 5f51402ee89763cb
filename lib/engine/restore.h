#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/progress.h"
#include "engine/recovery_target.h"
#include "repository/catalog.h"
#include "repository/repository.h"

namespace pgrecall {

struct RestoreRequest {
  std::string cluster;
  std::optional<BackupId> backup;  // the newest when not given
  std::string into;                // data directory, absolute
  // empty_directory: refuses one that holds anything. delta: keeps what is equal, rewrites what differs, removes what does not
  // belong.
  enum class Mode { empty_directory, delta } mode = Mode::empty_directory;
  std::map<std::string, std::string> tablespaces;  // location in the backup, or oid -> new location, absolute
  std::string tablespaces_into;    // where the others go, each into a directory of its oid; empty: to where the backup has them
  std::string configuration_into;  // where files from outside the data directory go; empty: "<into>.configuration"
  unsigned workers = 2;
  std::string binaries;  // directory with `postgres`; empty: where packages put it
  // Not given: the backup as it was at its end, with the WAL for that in pg_wal.
  std::optional<RecoveryRequest> recovery;
};

// What a restore will do; --dry-run prints it, and restore() does it.
struct RestorePlan {
  RestoreRequest request;
  ListedBackup backup;
  struct Tablespace {
    std::uint32_t oid = 0;
    std::string from;
    std::string to;
    std::uint64_t size = 0;
  };
  std::vector<Tablespace> tablespaces;
  std::string configuration_into;
  std::optional<RecoveryPlan> recovery;
  WalSegment first_wal;  // what makes the backup consistent
  WalSegment last_wal;
  struct Space {
    std::string path;          // where
    std::uint64_t needed = 0;  // bytes
    std::uint64_t available = 0;
  };
  std::vector<Space> space;             // one a file system
  std::string postgres_binaries;        // directory with `postgres` of the right major; empty when none was found
  std::string owner;                    // user that will own the files
  std::vector<std::string> unreadable;  // what restore_command needs and that user may not read
  std::vector<std::string> warnings;    // what may keep the server from starting, with what to do
};

struct RestoreResult {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;          // of all files
  std::uint64_t bytes_written = 0;  // less than `bytes` with delta
  std::uint64_t wal_segments = 0;
  std::chrono::milliseconds duration{};
};

// Chooses the backup and checks everything that can be known before a byte is written. With a recovery target, it is the newest
// backup from which the target can be reached, and Error{target_unreachable} tells the reachable range when there is none.
// Error{target_unreachable} for an unknown backup or cluster (says what there is); Error{failed} for a directory that is not
// empty, a running server, too little space, a data directory of another system identifier (delta), impossible mappings;
// Error{corruption} when WAL or manifest are missing.
[[nodiscard]] RestorePlan plan_restore(const Repository& repository, const RestoreRequest& request,
                                       const std::stop_token& stop = {});
// Carries it out: parallel, every chunk's hash checked, everything fsynced, pg_control last, by rename. When it throws, the
// directory cannot be started as a server by mistake (no global/pg_control), and --delta can go on from there.
[[nodiscard]] RestoreResult restore(const Repository& repository, const RestorePlan& plan, Progress& progress,
                                    const std::stop_token& stop);

}  // namespace pgrecall
