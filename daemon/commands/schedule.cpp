#include <algorithm>

#include "base/units.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "config/problem.h"
#include "jobs/schedules.h"
#include "output/table.h"
#include "schedule/next_run.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct ScheduleOptions {
  std::string cluster;
  std::string job;
  unsigned count = 20;
};

struct Upcoming {
  const ScheduledJob* job = nullptr;
  Time due;
  Time starts;

  [[nodiscard]] const TimeZone& zone() const { return job->schedule.zone; }
  // Whether the clock skips the time that was asked for, so that the run comes right after the gap.
  [[nodiscard]] bool moved() const {
    const std::chrono::local_seconds local = zone().local(due);
    const std::chrono::hh_mm_ss reading(local - std::chrono::floor<std::chrono::days>(local));
    return !job->schedule.when.fits_hour(static_cast<unsigned>(reading.hours().count())) ||
           !job->schedule.when.fits_minute(static_cast<unsigned>(reading.minutes().count()));
  }
};

std::vector<ScheduledJob> wanted_jobs(const ScheduleOptions& options, Session& session) {
  const Config* config = session.config();
  if (config == nullptr) {
    throw Error(ErrorKind::usage, "the schedule stands in the configuration", "name it by --config FILE");
  }
  if (!options.cluster.empty()) {
    (void)session.cluster(options.cluster);
  }
  if (!options.job.empty() && !parse_job_kind(options.job)) {
    throw not_one_of("--job", options.job, {"daily", "weekly", "monthly", "verify", "drill", "expire", "check"});
  }
  std::vector<ScheduledJob> jobs;
  for (const auto& [name, cluster] : config->clusters) {
    if (!options.cluster.empty() && name != options.cluster) {
      continue;
    }
    for (ScheduledJob& job : schedules_of(name, cluster.schedule)) {
      if (options.job.empty() || job.schedule.job == options.job) {
        jobs.push_back(std::move(job));
      }
    }
  }
  return jobs;
}

// The next `count` runs of all jobs together, in the order in which they start.
std::vector<Upcoming> upcoming_runs(const std::vector<ScheduledJob>& jobs, unsigned count, Time now) {
  std::vector<Upcoming> runs;
  for (const ScheduledJob& job : jobs) {
    const auto delay = start_delay(job.schedule);
    Time after = now - delay;
    for (unsigned i = 0; i < count; ++i) {
      const auto due = next_run(job.schedule.when, job.schedule.zone, after);
      if (!due) {
        break;
      }
      runs.push_back({&job, *due, *due + delay});
      after = *due;
    }
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Upcoming& a, const Upcoming& b) { return a.starts < b.starts; });
  runs.resize(std::min<std::size_t>(runs.size(), count));
  return runs;
}

std::string text_of(const std::vector<Upcoming>& runs, const Style& style, Time now) {
  Table table({{"CLUSTER"}, {"JOB"}, {"LOCAL TIME"}, {"UTC"}, {"IN", Table::Align::right}, {"NOTE"}});
  for (const Upcoming& run : runs) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(run.starts - now);
    table.add({{run.job->schedule.cluster, Tone::strong},
               run.job->schedule.job,
               run.zone().format(run.starts),
               {format_time(run.starts), Tone::faint},
               format_duration(left),
               run.moved() ? "the clock skips its time" : ""});
  }
  return table.render(style);
}

ordered_json json_of(const Upcoming& run) {
  return {{"cluster", run.job->schedule.cluster},
          {"job", run.job->schedule.job},
          {"due", format_time(run.due)},
          {"starts", format_time(run.starts)},
          {"local", run.zone().format_rfc3339(run.starts)},
          {"timezone", run.zone().name()},
          {"expression", run.job->schedule.when.text()}};
}

int run_schedule(const ScheduleOptions& options, Session& session) {
  const std::vector<ScheduledJob> jobs = wanted_jobs(options, session);
  const Time now = session.clock().now();
  const std::vector<Upcoming> runs = upcoming_runs(jobs, options.count, now);
  Console& console = session.console();
  if (console.json()) {
    ordered_json list = ordered_json::array();
    for (const Upcoming& run : runs) {
      list.push_back(json_of(run));
    }
    console.json_data(ordered_json{{"runs", list}});
    return exit_done;
  }
  console.data(runs.empty() ? "nothing is scheduled: each job that was asked for runs never\n"
                            : text_of(runs, console.style(), now));
  return exit_done;
}
}  // namespace

void add_schedule(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "schedule", "The next runs, with local and UTC time");
  const auto options = std::make_shared<ScheduleOptions>();
  verb.add_option("CLUSTER", options->cluster, "One cluster only");
  verb.add_option("-n,--count", options->count, "How many runs; default 20")->type_name("N")->check(CLI::Range(1U, 10'000U));
  verb.add_option("--job", options->job, "One job only: daily, weekly, monthly, verify, drill, expire or check")
      ->type_name("JOB");
  on_chosen(line, verb, [options](Session& session) { return run_schedule(*options, session); });
}

}  // namespace pgrecall
