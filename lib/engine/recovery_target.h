#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"

namespace pgrecall {

// Where recovery is to end: PostgreSQL's recovery targets.
struct RecoveryTarget {
  enum class Kind {
    latest,     // the end of the WAL
    immediate,  // as soon as the backup is consistent
    time,       // of the server's clock, by the time in each commit record
    lsn,
    xid,
    name,  // pg_create_restore_point()
  };
  enum class Bound { inclusive, exclusive };

  Kind kind = Kind::latest;
  Time time;
  Lsn lsn;
  std::uint32_t xid = 0;
  std::string name;
  Bound bound = Bound::inclusive;
};

// What the server does once it is there.
enum class TargetAction { pause, promote, shutdown };
[[nodiscard]] std::string_view name(TargetAction action) noexcept;

struct TimelineChoice {
  enum class Kind { latest, current, number };
  Kind kind = Kind::latest;  // current: the backup's
  Timeline number = 0;
};

// Whether the recovered server archives as the one that was backed up does.
enum class ArchiveMode { off, preserve };

struct RecoveryRequest {
  RecoveryTarget target;
  std::optional<TargetAction> action;  // not given: promote at the end of the WAL, pause at any other target
  TimelineChoice timeline;
  ArchiveMode archive_mode = ArchiveMode::off;
  std::string restore_command;  // as the setting of that name wants it, %f and %p included
  std::string spool;            // directory of all spools; empty: none
  // What that command must be able to read: the repository, the key, the program.
  std::vector<std::string> needed_paths;
};

// How recovery will be done: a part of RestorePlan.
struct RecoveryPlan {
  RecoveryTarget target;  // what was asked for
  TargetAction action = TargetAction::pause;
  Timeline timeline = 0;  // whose history is followed
  Lsn wal_until;          // all WAL to here is there
  Lsn replay_until;       // about where the target lies: not before it, as far as that is known
  // Of the end of the WAL, where its last record begins: a server that got no further met damage.
  std::optional<Lsn> last_record;
  std::optional<Time> time_until;  // and covers the time to here; nothing when that is not known
  // For postgresql.auto.conf, in this order.
  std::vector<std::pair<std::string, std::string>> settings;
  ArchiveMode archives = ArchiveMode::off;
  std::vector<std::string> notes;  // what the reader should know, such as "no commit is later than ..."
};

// "2026-11-23 02:30:00.123456+00": as recovery_target_time of 13 to 18 reads it whatever its time zone.
[[nodiscard]] std::string format_target_time(Time time);
// "2026-11-23T02:30:00.123456Z", without the fraction where it is 0.
[[nodiscard]] std::string format_exact_time(Time time);
// For people and errors: "time 2026-11-23T02:30:00Z", "LSN 0/3000060", "the latest".
[[nodiscard]] std::string describe(const RecoveryTarget& target);

// The settings of a target. `last_record`, where given, is the position of the last record to replay: the server then ends behind
// it whatever the target says; for targets behind the last record, which PostgreSQL would look for in vain.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> recovery_settings(const RecoveryRequest& request,
                                                                                 TargetAction action, const std::string& timeline,
                                                                                 std::optional<Lsn> last_record);

// The text of postgresql.auto.conf with `settings` at its end, and without any earlier of these, restore_command,
// recovery_target* and archive_cleanup_command: two kinds of target are an error for PostgreSQL, and old ones stay in a cluster
// that was restored once.
[[nodiscard]] std::string with_recovery_settings(std::string_view auto_conf,
                                                 const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace pgrecall
