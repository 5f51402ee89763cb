#include "schedule/planner.h"

#include <algorithm>

#include "base/hash.h"
#include "schedule/next_run.h"

namespace pgrecall {

namespace {
constexpr std::chrono::minutes punctual(1);  // what starts within this after its time is on time
constexpr std::chrono::hours wrong_clock(
    25);  // a mark further ahead than a day and an hour of summer time is no step of the clock
constexpr std::size_t most_skips_listed = 50;
constexpr std::uint64_t most_skips_counted = 100'000;

// One call of decide().
class Planning {
 public:
  Planning(const JobSchedule& schedule, const JobProgress& progress, ClusterActivity activity, Time now)
      : schedule_(schedule), progress_(progress), activity_(activity), now_(now), delay_(start_delay(schedule)) {}

  Decision decide() {
    if (!progress_.handled) {
      decision_.handled = now_;
      wake_at_next(now_);
      return decision_;
    }
    decision_.handled = *progress_.handled;
    if (decision_.handled - now_ > wrong_clock) {
      decision_.wrong_mark = decision_.handled;
      decision_.handled = now_;
    }
    const Time horizon = now_ - delay_;
    if (const auto newest = take_older(horizon)) {
      judge(*newest);
      wake_at_next(std::max(*newest, horizon));
    } else {
      wake_at_next(std::max(decision_.handled, horizon));
    }
    return decision_;
  }

 private:
  [[nodiscard]] std::optional<Time> next(Time after) const { return next_run(schedule_.when, schedule_.zone, after); }

  // Leaves out all that is due up to the horizon but the newest, which it returns.
  std::optional<Time> take_older(Time horizon) {
    auto due = next(decision_.handled);
    if (!due || *due > horizon) {
      return std::nullopt;
    }
    for (std::uint64_t count = 0;; ++count) {
      const auto later = count + 1 < most_skips_counted ? next(*due) : previous_run(schedule_.when, schedule_.zone, horizon);
      if (!later || *later > horizon || *later == *due) {
        return due;
      }
      const bool missed = schedule_.policy.catch_up == SchedulePolicy::CatchUp::none && *due != progress_.waiting;
      skip(*due, missed ? SkipReason::missed : SkipReason::superseded);
      due = later;
    }
  }

  [[nodiscard]] bool was_started(Time due) const {
    return std::find(progress_.started_later.begin(), progress_.started_later.end(), due) != progress_.started_later.end();
  }

  void judge(Time due) {
    const Time planned = due + delay_;
    const auto late = now_ - planned;
    const bool on_time = late <= punctual;
    const bool waited = progress_.waiting == due;
    const SchedulePolicy& policy = schedule_.policy;
    if (was_started(due)) {
      skip(due, SkipReason::already_started);
    } else if (activity_ == ClusterActivity::same_job) {
      skip(due, SkipReason::still_running);
    } else if (!on_time && !waited && policy.catch_up == SchedulePolicy::CatchUp::none) {
      skip(due, SkipReason::missed);
    } else if (policy.not_after && now_ - due > *policy.not_after) {
      skip(due, SkipReason::too_late);
    } else if (activity_ == ClusterActivity::other_run) {
      wait(due, WaitReason::cluster_busy, std::nullopt);
    } else if (!on_time && policy.off_peak && !policy.off_peak->contains(schedule_.zone, now_)) {
      wait(due, WaitReason::off_peak, policy.off_peak->next_opening(schedule_.zone, now_));
    } else {
      const StartReason late_reason = waited ? StartReason::late : StartReason::catch_up;
      decision_.start = {due, planned, on_time ? StartReason::on_time : late_reason};
      decision_.handled = due;
    }
  }

  void skip(Time due, SkipReason reason) {
    decision_.skipped.push_back({due, was_started(due) ? SkipReason::already_started : reason});
    if (decision_.skipped.size() > most_skips_listed) {
      decision_.skipped.erase(decision_.skipped.begin());
    }
    ++decision_.skipped_count;
    decision_.handled = due;
  }

  void wait(Time due, WaitReason reason, std::optional<Time> until) {
    if (schedule_.policy.not_after) {
      // A moment later it is left out, which is told then, not when somebody happens to ask.
      const Time too_late = due + *schedule_.policy.not_after + std::chrono::seconds(1);
      until = until ? std::min(*until, too_late) : too_late;
    }
    decision_.waiting = {due, reason, until};
  }

  void wake_at_next(Time after) {
    const auto due = next(after);
    decision_.wake = due ? *due + delay_ : now_ + std::chrono::days(1);
    if (decision_.waiting && decision_.waiting->until) {
      decision_.wake = std::min(decision_.wake, *decision_.waiting->until);
    }
  }

  const JobSchedule& schedule_;
  const JobProgress& progress_;
  const ClusterActivity activity_;
  const Time now_;
  const std::chrono::seconds delay_;
  Decision decision_;
};
}  // namespace

std::chrono::seconds start_delay(const JobSchedule& schedule) {
  const auto spread = std::chrono::floor<std::chrono::seconds>(schedule.policy.spread);
  if (spread.count() < 1) {
    return std::chrono::seconds(0);
  }
  // A zero byte is in neither name, so that no two pairs look the same.
  const Sha256Digest digest = sha256(bytes_of(schedule.cluster + '\0' + schedule.job));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = number << 8U | std::to_integer<std::uint64_t>(digest.bytes[i]);
  }
  return std::chrono::seconds(number % static_cast<std::uint64_t>(spread.count()));
}

Decision decide(const JobSchedule& schedule, const JobProgress& progress, ClusterActivity activity, Time now) {
  return Planning(schedule, progress, activity, now).decide();
}

std::string_view name(StartReason reason) noexcept {
  switch (reason) {
    case StartReason::on_time: return "on_time";
    case StartReason::catch_up: return "catch_up";
    case StartReason::late: break;
  }
  return "late";
}

std::string_view name(SkipReason reason) noexcept {
  switch (reason) {
    case SkipReason::missed: return "missed";
    case SkipReason::superseded: return "superseded";
    case SkipReason::too_late: return "too_late";
    case SkipReason::still_running: return "still_running";
    case SkipReason::already_started: break;
  }
  return "already_started";
}

std::string_view name(WaitReason reason) noexcept { return reason == WaitReason::off_peak ? "off_peak" : "cluster_busy"; }

std::string_view text(SkipReason reason) noexcept {
  switch (reason) {
    case SkipReason::missed: return "it fell due while the daemon did not run, and catch_up is none";
    case SkipReason::superseded: return "a later run of the same job stands for it";
    case SkipReason::too_late: return "it could not start within not_after";
    case SkipReason::still_running: return "the run before it was not done yet";
    case SkipReason::already_started: break;
  }
  return "it was started before the clock went back";
}

std::string_view text(WaitReason reason) noexcept {
  return reason == WaitReason::off_peak ? "it is late, and waits for the off-peak hours"
                                        : "another run of the cluster is not done yet";
}

}  // namespace pgrecall
