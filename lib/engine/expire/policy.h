#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "repository/catalog.h"

// Which backups stay: docs/retention.md. Pure: it reads no clock and no store.

namespace pgrecall {

struct RetentionPolicy {
  unsigned daily = 7;     // days of which a backup stays
  unsigned weekly = 5;    // weeks (ISO 8601: Monday to Sunday)
  unsigned monthly = 12;  // months
  std::chrono::milliseconds window = std::chrono::hours(7 * 24);
  // The day of a moment in the cluster's time zone.
  std::function<std::chrono::local_days(Time)> local_day;
};

// What the policy looks at of one backup.
struct PolicyBackup {
  BackupId id;
  Time started;
  Time ended;
  Keep keep = Keep::manual;
  bool pinned = false;
  bool good = true;  // not known to be damaged
};
[[nodiscard]] PolicyBackup policy_view(const ListedBackup& backup);
// True when the newest mark says damaged.
[[nodiscard]] bool known_damaged(const ListedBackup& backup) noexcept;

enum class KeepRule { newest_good, none_good, window, pinned, manual, daily, weekly, monthly };
[[nodiscard]] std::string_view name(KeepRule rule) noexcept;
// "2026-11-23".
[[nodiscard]] std::string format_day(std::chrono::local_days day);

struct KeepReason {
  KeepRule rule = KeepRule::daily;
  std::string text;  // "daily of 2026-11-23", "weekly of 2026-W47"
  // Of daily, weekly and monthly: the day on which it stops to count, if backups go on to be taken as planned. Nothing while
  // another backup of the same period is likely to take its place.
  std::optional<std::chrono::local_days> about_until;
};

// A backup without a reason to stay goes; `why_not` then says why.
struct Verdict {
  BackupId id;
  std::vector<KeepReason> reasons;
  std::string why_not;

  [[nodiscard]] bool stays() const noexcept { return !reasons.empty(); }
  [[nodiscard]] std::optional<std::chrono::local_days> about_until() const;
};

// One verdict for each backup; both are in order of their ids. `window_bases` are those that the recovery window needs.
//
// For each of the newest `daily` days that have a good backup, one stays: the newest that was taken as a daily one, else the
// newest; likewise weeks and months. So a backup of any kind stands for its week when there is no weekly one, and schedules that
// are not ours are thinned alike. Damaged backups take no good one's place. Days, weeks and months without a backup count for
// nothing: a clock that jumps ahead, or a server that is away for a year, makes nothing go. A manual backup stays until it is
// named for removal. Without any good backup, none goes.
[[nodiscard]] std::vector<Verdict> judge_backups(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy,
                                                 const std::set<BackupId>& window_bases);

// By the times of the backups alone: the newest good one that had ended when the window begins that ends at `reference`, else the
// oldest good one. None where no window is wanted.
[[nodiscard]] std::set<BackupId> bases_by_time(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy,
                                               Time reference);

// Up to when time is known to have come: not later than `now`, whatever jumped. The newest backup is believed as far as one
// window behind the good one before it, and to `server_time`, where that is known: the time that WAL received since tells.
[[nodiscard]] Time reference_time(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy, Time now,
                                  std::optional<Time> server_time);

}  // namespace pgrecall
