#include "service/schedules.h"

#include <algorithm>

#include "jobs/schedules.h"
#include "schedule/next_run.h"

namespace pgrecall {

void Schedules::configure(const Config& config) {
  std::map<std::pair<std::string, std::string>, Job> jobs;
  for (const auto& [cluster, configured] : config.clusters) {
    for (ScheduledJob& scheduled : schedules_of(cluster, configured.schedule)) {
      const auto key = std::pair(scheduled.schedule.cluster, scheduled.schedule.job);
      Job job{.schedule = std::move(scheduled.schedule), .progress = {}, .waiting = {}};
      // A run that waits for another goes on waiting after a reload that does not concern it.
      if (const auto old = jobs_.find(key); old != jobs_.end() && old->second.schedule.when.text() == job.schedule.when.text()) {
        job.progress.waiting = old->second.progress.waiting;
        job.waiting = old->second.waiting;
      }
      job.progress.handled = journal_.handled(key.first, key.second);
      if (job.progress.handled) {
        job.progress.started_later = journal_.started_after(key.first, key.second, *job.progress.handled);
      }
      jobs.emplace(key, std::move(job));
    }
  }
  jobs_ = std::move(jobs);
}

void Schedules::note_done(const std::string& cluster, const std::string& job, Time when) {
  const auto found = jobs_.find({cluster, job});
  if (found == jobs_.end() || (found->second.progress.handled && *found->second.progress.handled >= when)) {
    return;
  }
  journal_.set_handled(cluster, job, when);
  found->second.progress.handled = when;
}

void Schedules::keep(Job& job, const Decision& decision) {
  job.waiting = decision.waiting;
  job.progress.waiting = decision.waiting ? std::optional(decision.waiting->due) : std::nullopt;
  if (job.progress.handled != decision.handled) {
    journal_.set_handled(job.schedule.cluster, job.schedule.job, decision.handled);
    job.progress.handled = decision.handled;
  }
  if (decision.wrong_mark) {
    job.progress.started_later = journal_.started_after(job.schedule.cluster, job.schedule.job, decision.handled);
  }
}

Schedules::Round Schedules::look(const std::function<bool(const std::string&)>& ours, const Activity& activity, Time now) {
  Round round;
  std::vector<Decision::Skip> skipped_with_due;
  for (auto& [key, job] : jobs_) {
    if (!ours(key.first)) {
      continue;
    }
    const Decision decision = decide(job.schedule, job.progress, activity(job.schedule), now);
    if (decision.start) {
      // Of several one is taken, and all are looked at again: a run under way changes what may be started.
      if (!round.due || decision.start->due < round.due->start.due) {
        round.due = Due{key.first, key.second, *decision.start, decision.handled};
        skipped_with_due = decision.skipped;
      }
      continue;
    }
    for (const Decision::Skip& skip : decision.skipped) {
      round.skipped.push_back({key.first, key.second, skip});
    }
    keep(job, decision);
    round.wake = round.wake ? std::min(*round.wake, decision.wake) : decision.wake;
  }
  for (const Decision::Skip& skip : skipped_with_due) {
    round.skipped.push_back({round.due->cluster, round.due->job, skip});
  }
  return round;
}

void Schedules::started(const Due& due) {
  Job& job = jobs_.at({due.cluster, due.job});
  job.progress.handled = due.handled;
  job.progress.waiting.reset();
  job.waiting.reset();
}

std::vector<Schedules::Upcoming> Schedules::upcoming(const std::string& cluster, Time now) const {
  std::vector<Upcoming> all;
  for (const auto& [key, job] : jobs_) {
    if (!cluster.empty() && key.first != cluster) {
      continue;
    }
    if (job.waiting) {
      all.push_back(
          {key.first, key.second, job.waiting->due, job.waiting->until.value_or(now), std::string(text(job.waiting->reason))});
      continue;
    }
    auto due = next_run(job.schedule.when, job.schedule.zone, job.progress.handled.value_or(now));
    if (due && *due + start_delay(job.schedule) < now) {
      due = next_run(job.schedule.when, job.schedule.zone, now);  // nobody dealt with it: another daemon has the cluster
    }
    if (due) {
      all.push_back({key.first, key.second, *due, *due + start_delay(job.schedule), {}});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Upcoming& a, const Upcoming& b) { return a.planned < b.planned; });
  return all;
}

}  // namespace pgrecall
