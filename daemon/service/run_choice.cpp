#include "service/run_choice.h"

#include <algorithm>

namespace pgrecall {

namespace {
int rank(RunTrigger trigger) noexcept {
  switch (trigger) {
    case RunTrigger::manual: return 0;
    case RunTrigger::repair: return 1;
    case RunTrigger::schedule:
    case RunTrigger::catch_up:
    case RunTrigger::first:
    case RunTrigger::retry: break;
  }
  return 2;
}

// What repairs the recovery window, and what somebody asked for, waits for no hour of the day.
bool waits_for_off_peak(RunTrigger trigger) noexcept { return trigger != RunTrigger::manual && trigger != RunTrigger::repair; }

// What a run waits for; empty when it may start. `wake` becomes the time when that is over, where it is known.
std::string obstacle(const WaitingRun& run, const std::vector<RunningRun>& running, const RunLimits& limits, Time now,
                     std::optional<Time>& wake) {
  if (!run.cluster_is_ours) {
    return "the work on this cluster is not ours yet";
  }
  if (run.not_before && *run.not_before > now) {
    wake = run.not_before;
    return "waits until " + format_time(*run.not_before);
  }
  if (run.off_peak && waits_for_off_peak(run.trigger) && !run.off_peak->contains(run.zone, now)) {
    wake = run.off_peak->next_opening(run.zone, now);
    return "waits for off-peak hours, until " + format_time(*wake);
  }
  const auto same =
      std::find_if(running.begin(), running.end(), [&](const RunningRun& each) { return each.cluster == run.cluster; });
  if (same != running.end()) {
    return "waits for run " + same->id + " of the same cluster";
  }
  if (!has_room(limits, running, run.repository)) {
    return running.size() >= limits.all
               ? "waits for one of the runs to end: daemon.parallel_runs is " + std::to_string(limits.all)
               : "waits for another run in repository " + run.repository;
  }
  return {};
}
}  // namespace

bool has_room(const RunLimits& limits, const std::vector<RunningRun>& running, const std::string& repository) {
  const auto found = limits.of_repository.find(repository);
  const unsigned most = found == limits.of_repository.end() ? 1 : found->second;
  const auto there =
      std::count_if(running.begin(), running.end(), [&](const RunningRun& run) { return run.repository == repository; });
  return running.size() < limits.all && static_cast<unsigned>(there) < most;
}

RunChoice choose_run(const std::vector<WaitingRun>& waiting, const std::vector<RunningRun>& running, const RunLimits& limits,
                     Time now) {
  std::vector<const WaitingRun*> order;
  for (const WaitingRun& run : waiting) {
    order.push_back(&run);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const WaitingRun* a, const WaitingRun* b) { return rank(a->trigger) < rank(b->trigger); });
  RunChoice choice;
  for (const WaitingRun* run : order) {
    std::optional<Time> wake;
    const std::string reason = obstacle(*run, running, limits, now, wake);
    if (reason.empty() && !choice.next) {
      choice.next = run->id;
      continue;
    }
    choice.reasons[run->id] = reason.empty() ? "waits for its turn" : reason;
    if (wake && (!choice.wake || *wake < *choice.wake)) {
      choice.wake = wake;
    }
  }
  return choice;
}

}  // namespace pgrecall
