#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// What one drill proved, or met: docs/repository-format.md, "Drills". Kept in the repository, so that the proof outlives the
// host.
struct DrillRecord {
  // good; warning: no failure, and somebody should read it; bad: the drill failed; not_checked: could not be looked at.
  enum class State { good, warning, bad, not_checked };
  struct Check {
    State state = State::good;
    std::string what;    // "target", "catalogs", "query orders" ...
    std::string detail;  // what was found
    std::string hint;    // what to do; empty when good
  };
  // How the moment was chosen.
  enum class Aim { newest, random, oldest, asked };

  std::string id;  // "20261123T023000Z-1a2b3c4d"
  std::string cluster;
  std::uint64_t system_identifier = 0;
  unsigned server_version = 0;  // of the backup
  Time started{};
  Time finished{};
  bool passed = false;
  Aim aim = Aim::asked;
  std::string target;               // for people: "time 2026-11-23T02:30:00Z"
  std::optional<Time> target_time;  // where that is a time
  BackupId backup;
  Timeline timeline = 0;
  Lsn reached;                       // last record that was replayed; 0/0 where it did not get so far
  std::optional<Time> last_commit;   // of the last transaction in it
  std::optional<Time> proven_until;  // everything that was committed until then is in it
  std::uint64_t restored_bytes = 0;
  std::uint64_t wal_bytes = 0;  // replayed
  double restore_seconds = 0;
  double replay_seconds = 0;  // from the server's start until it stood at the target
  double check_seconds = 0;
  double total_seconds = 0;
  std::vector<Check> checks;
  std::string error;  // what ended it early; empty when nothing did
  std::string error_kind;
  std::string tool;  // "pgrecall 0.1.0"
};

[[nodiscard]] std::string_view name(DrillRecord::State state) noexcept;
[[nodiscard]] std::string_view name(DrillRecord::Aim aim) noexcept;

[[nodiscard]] std::string drills_prefix(std::string_view cluster);
[[nodiscard]] std::string drill_name(std::string_view cluster, std::string_view id);

// Payload as JSON; parsing throws Error{corruption} naming the object.
[[nodiscard]] std::string format_drill(const DrillRecord& record);
[[nodiscard]] DrillRecord parse_drill(std::string_view json, std::string_view object_name);

// Error{failed} when the id is taken.
void put_drill(const Repository& repository, const DrillRecord& record);
// Those of one cluster, read as they come: each is read once. Not for two threads at once.
class DrillHistory {
 public:
  // The newest `limit`, oldest first; valid until the next call. One that is damaged is left out, as in read_drills().
  [[nodiscard]] const std::vector<DrillRecord>& read(const Repository& repository, const std::string& cluster, std::size_t limit);

 private:
  std::vector<DrillRecord> records_;
  std::vector<std::string> seen_;  // names of the objects that were read, sorted
};

// The newest `limit`, oldest first. One that is damaged is left out: verify reports it.
[[nodiscard]] std::vector<DrillRecord> read_drills(const Repository& repository, const std::string& cluster, std::size_t limit);

}  // namespace pgrecall
