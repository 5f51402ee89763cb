#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "schedule/cron_expression.h"
#include "schedule/off_peak.h"
#include "schedule/time_zone.h"

// What is to be done now for one job of one cluster. Pure: the caller keeps the mark that decide() returns, tells what runs, and
// asks again when Decision::wake has come, when a run of the cluster has ended, and at least once a minute, so that a jump of the
// clock is seen.
//
// A due time is dealt with once: it is started, or left out for a reason. The mark is how far that has come.
// - Several due times at once (downtime, a clock that jumped ahead): the newest stands for all, and starts once or, with
//   `catch_up: none`, not at all.
// - A clock that jumped back: what was dealt with is not due again. Where the mark lies more than 25 hours ahead, the clock that
// set
//   it was wrong: due times count from now on again, but none that was started starts a second time.

namespace pgrecall {

struct SchedulePolicy {
  enum class CatchUp { once, none };
  CatchUp catch_up = CatchUp::once;     // of what fell due while nobody looked
  std::chrono::milliseconds spread{0};  // each start is up to this much later than it was due
  std::optional<std::chrono::milliseconds>
      not_after{};                    // how long after it was due a run may still start; longer than the spread
  std::optional<OffPeak> off_peak{};  // when a late run may start; unset: at any time
};

struct JobSchedule {
  std::string cluster;
  std::string job;  // "daily"
  CronExpression when;
  TimeZone zone{};
  SchedulePolicy policy{};
};

// How much later than due this job starts: at least 0 and less than the spread, in whole seconds, fixed by the names of cluster
// and job.
[[nodiscard]] std::chrono::seconds start_delay(const JobSchedule& schedule);

// What the caller remembers of a job.
struct JobProgress {
  // Decision::handled of the last time, also across restarts; unset: the job was never looked at, and starts with what comes.
  std::optional<Time> handled{};
  // Due times behind `handled` that were started nevertheless: before the clock went back. Usually none.
  std::vector<Time> started_later{};
  // Decision::waiting->due of the last time in this process.
  std::optional<Time> waiting{};
};

// What goes on in the cluster, for which one run at a time is allowed.
enum class ClusterActivity {
  idle,
  other_run,  // a run of another job, or a manual one
  same_job,   // an earlier run of this job, running or queued
};

enum class StartReason { on_time, catch_up, late };
enum class SkipReason {
  missed,           // fell due while nobody looked, with `catch_up: none`
  superseded,       // a later due time of the same job stands for it
  too_late,         // could not start within `not_after`
  still_running,    // the run before it was not done
  already_started,  // before the clock went back
};
enum class WaitReason { cluster_busy, off_peak };

// For JSON and the journal: "catch_up".
[[nodiscard]] std::string_view name(StartReason reason) noexcept;
[[nodiscard]] std::string_view name(SkipReason reason) noexcept;
[[nodiscard]] std::string_view name(WaitReason reason) noexcept;
// For people: "a later run stands for it".
[[nodiscard]] std::string_view text(SkipReason reason) noexcept;
[[nodiscard]] std::string_view text(WaitReason reason) noexcept;

struct Decision {
  struct Start {
    Time due;
    Time planned;  // due, and the delay of the spread
    StartReason reason = StartReason::on_time;
  };
  struct Wait {
    Time due;
    WaitReason reason = WaitReason::cluster_busy;
    std::optional<Time> until{};  // when to ask again, where that is known
  };
  struct Skip {
    Time due;
    SkipReason reason = SkipReason::missed;
  };

  std::optional<Start> start;  // at most one of start and waiting
  std::optional<Wait> waiting;
  std::vector<Skip> skipped;        // in order; when there are many, the newest 50
  std::uint64_t skipped_count = 0;  // all of them, counted up to 100,000
  Time handled;                     // to be kept before a run is started, so that a crash never starts it twice
  Time wake;                        // later than now
  std::optional<Time> wrong_mark;   // the mark that was given up because a wrong clock had set it
};

[[nodiscard]] Decision decide(const JobSchedule& schedule, const JobProgress& progress, ClusterActivity activity, Time now);

}  // namespace pgrecall
