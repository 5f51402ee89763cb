#include <algorithm>
#include <array>

#include "alert/bench.h"

namespace pgrecall {

namespace {
bool is_backup_job(const std::string& job) {
  constexpr std::array<std::string_view, 4> jobs{"backup", "daily", "weekly", "monthly"};
  return std::find(jobs.begin(), jobs.end(), job) != jobs.end();
}

// A backup that failed is made up for by any later one: what matters is that there is one.
bool made_up_for(const JobFigures& failed, const ClusterFigures& cluster) {
  return is_backup_job(failed.job) && std::any_of(cluster.jobs.begin(), cluster.jobs.end(), [&](const JobFigures& other) {
           return is_backup_job(other.job) && other.last_success && failed.last_completion &&
                  *other.last_success > *failed.last_completion;
         });
}

// Damage has an alert of its own, which says more.
bool told_as_damage(const JobFigures& job, const ClusterFigures& cluster) {
  return cluster.damaged_objects > 0 && job.last_error_kind == "corruption" && (job.job == "verify" || job.job == "monthly");
}

void judge_failed(const JobFigures& job, const ClusterFigures& cluster, Bench& bench) {
  if (job.last_result != "failed" || job.tried_again || job.needs_confirmation || told_as_damage(job, cluster) ||
      made_up_for(job, cluster)) {
    return;
  }
  Judged& judged = bench.add(condition::run_failed, Severity::warning, cluster);
  judged.alert.subject = job.job;
  judged.alert.run = job.last_run;
  judged.alert.summary =
      sentence(fmt::format("{} of {} failed{}: {}", job.job, cluster.cluster,
                           job.last_completion ? " at " + format_time(*job.last_completion) : "", job.last_error_message));
  const std::string again = is_backup_job(job.job) ? fmt::format("pgrecall backup {}", cluster.cluster)
                                                   : fmt::format("pgrecall {} {}", job.job, cluster.cluster);
  judged.alert.action =
      (job.last_error_hint.empty() ? "" : "Hint: " + sentence(job.last_error_hint) + " ") +
      fmt::format("Read what it said with pgrecall runs --log {}, mend it, then try again: {}.", job.last_run, again);
}

void judge_missed(const JobFigures& job, const ClusterFigures& cluster, Bench& bench) {
  if (!job.last_missed || (job.last_success && *job.last_success > *job.last_missed)) {
    return;
  }
  Judged& judged = bench.add(condition::runs_missed, Severity::warning, cluster);
  judged.alert.subject = job.job;
  judged.alert.summary = sentence(fmt::format("{} of {}, due at {}, was not run: {}", job.job, cluster.cluster,
                                              format_time(*job.last_missed), job.missed_reason));
  judged.alert.action = fmt::format(
      "See with pgrecall runs {0} what kept it from running; the next one is planned {1}, or start it now: pgrecall {2} {0}.",
      cluster.cluster, job.next ? "at " + format_time(*job.next) : "at no time", is_backup_job(job.job) ? "backup" : job.job);
}

void judge_confirmation(const JobFigures& job, const ClusterFigures& cluster, Bench& bench) {
  if (!job.needs_confirmation) {
    return;
  }
  Judged& judged = bench.add(condition::expire_waits, Severity::warning, cluster);
  judged.alert.run = job.last_run;
  judged.alert.summary =
      fmt::format("Expire of {} would remove so much that it waits for somebody to confirm it; until then nothing is removed.",
                  cluster.cluster);
  judged.alert.action = fmt::format(
      "Look at pgrecall expire {0} --dry-run; if that is meant, pgrecall expire {0} --confirm, otherwise correct "
      "clusters.{0}.retention.",
      cluster.cluster);
}
}  // namespace

void judge_runs(const ClusterFigures& cluster, Bench& bench) {
  for (const JobFigures& job : cluster.jobs) {
    judge_failed(job, cluster, bench);
    judge_missed(job, cluster, bench);
    judge_confirmation(job, cluster, bench);
  }
}

}  // namespace pgrecall
