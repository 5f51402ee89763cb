#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/expire/sweep.h"

// Retention as a plan, and the plan carried out: docs/retention.md.

namespace pgrecall {

struct ExpireSettings {
  std::string cluster;
  RetentionPolicy policy;
  std::chrono::seconds grace = std::chrono::hours(24);
  double rewrite_when_dead = 0.5;
  // Goes although nothing else would make it go: a manual backup that nobody needs any more. Error{failed} when something but its
  // being manual, or its day, week and month, holds it: a pin, the recovery window, being the newest good one.
  std::optional<BackupId> remove = {};
};

struct BackupFate {
  ListedBackup backup;
  Verdict verdict;
};

// From when to when recovery to any moment is possible without a gap, at the end of the newest timeline.
struct WindowSpan {
  Time from;
  Time until;
  Lsn from_lsn;
  Lsn until_lsn;
};

struct ExpirePlan {
  std::string cluster;
  Time made;
  Time reference;                         // the time that the window is counted back from
  Time window_start;                      // from here on the policy wants recovery to any moment
  std::vector<BackupFate> backups;        // oldest first
  std::vector<DamagedBackup> unreadable;  // left alone
  std::optional<WindowSpan> window_now;
  std::optional<WindowSpan> window_then;
  std::uint64_t bytes = 0;  // that come back, in all, once the grace is over
  std::vector<std::string> problems;
  std::vector<std::string> notes;

  // More than half of the good backups go.
  bool needs_confirmation = false;

  [[nodiscard]] std::size_t going() const noexcept;
};

// Reads only.
[[nodiscard]] ExpirePlan plan_expire(const Repository& repository, const ExpireSettings& settings, const Clock& clock);

struct ExpireResult {
  std::vector<BackupId> removed;
  std::vector<std::string> left;  // planned to go, and why it is still there
  SweepResult sweep;
};

enum class Confirmation { none, given };

// Removes what the plan says and a plan made anew under the cluster's lease says, too: a backup that was pinned, or became
// needed, in between stays. Then sweeps. Errors: held; failed when the plan needs confirmation and has none: nothing was done
// then; store_unreachable; cancelled. Broken off anywhere, each backup is either listed and whole, or gone.
[[nodiscard]] ExpireResult expire(const Repository& repository, const ExpirePlan& plan, const ExpireSettings& settings,
                                  Confirmation confirmation, const Clock& clock, Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
