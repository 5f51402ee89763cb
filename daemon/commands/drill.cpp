#include <filesystem>

#include "base/units.h"
#include "client/daemon_run.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/outcome.h"
#include "commands/time_option.h"
#include "jobs/drill_job.h"
#include "output/progress_line.h"
#include "output/text.h"

namespace pgrecall {

namespace {
struct DrillOptions {
  std::string cluster;
  RunPlace place;
  std::string at;
  std::string lsn;
  std::string aim;
  std::string scratch;
  std::string binaries;
  std::string budget;
  bool keep_scratch = false;
};

std::string absolute_directory(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

DrillWishes wishes_of(const DrillOptions& options, Console& console) {
  DrillWishes wishes;
  if (!options.at.empty()) {
    const TypedTime typed = take_time("--at", options.at);
    wishes.at = typed.time;
    if (typed.local) {
      console.message("--at without a zone is local time: " + format_local_time(typed.time) + ", which is " +
                      format_exact_time(typed.time));
    }
  }
  if (!options.lsn.empty()) {
    wishes.lsn = Lsn::parse(options.lsn);
    if (!wishes.lsn || !wishes.lsn->valid()) {
      throw Error(ErrorKind::usage, "--lsn: " + in_quotes(options.lsn) + " is no LSN", "LSNs look like 16/B374D848");
    }
  }
  if (!options.budget.empty()) {
    wishes.budget = parse_duration(options.budget);
    if (!wishes.budget || *wishes.budget < std::chrono::seconds(1)) {
      throw Error(ErrorKind::usage, "--budget: " + in_quotes(options.budget) + " cannot be used",
                  "write a duration, as 30m or 90s");
    }
  }
  wishes.aim = options.aim;
  wishes.scratch = absolute_directory(options.scratch);
  wishes.binaries = absolute_directory(options.binaries);
  wishes.keep_scratch = options.keep_scratch;
  return wishes;
}

// Without configuration, what is as large as the cluster does not belong into memory, where /tmp often is.
std::string scratch_of(Session& session) {
  const Config* config = session.config();
  if (config != nullptr) {
    return config->scratch;
  }
  const char* given = std::getenv("TMPDIR");
  return absolute_directory(given != nullptr && *given != '\0' ? given : "/var/tmp") + "/pgrecall-scratch";
}

int run_drill(const DrillOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  const DrillWishes wishes = wishes_of(options, session.console());
  if (const auto daemon = daemon_for(options.place, session)) {
    return run_in_daemon(*daemon, options.cluster, JobKind::drill, to_json(wishes), session);
  }
  Console& console = session.console();
  const Repository& repository = session.repository_of(options.cluster);
  const Config* config = session.config();
  const DrillPlace place{.cluster = options.cluster,
                         .address = session.address_of(options.cluster),
                         .configured = config != nullptr && config->clusters.contains(options.cluster)
                                           ? &config->clusters.at(options.cluster)
                                           : nullptr,
                         .scratch = scratch_of(session),
                         .state = config != nullptr ? config->daemon.state : std::string()};
  Progress progress;
  const JobContext context{repository, session.clock(), progress, stop, console.style(), session.repeated_options()};
  const JobOutcome outcome =
      run_shown(progress, console, "the scratch copy was removed", [&] { return run_drill_job(place, wishes, context); });
  return show_outcome(outcome, console);
}
}  // namespace

void add_drill(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "drill", "Try a recovery: restore into a scratch directory, replay, check, and measure");
  const auto options = std::make_shared<DrillOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  const auto at =
      verb.add_option("--at", options->at, "Recover to this time: 2026-11-23T02:30:00Z, \"2026-11-23 02:30:00 +01:00\"")
          ->type_name("TIME");
  const auto lsn = verb.add_option("--lsn", options->lsn, "Recover to this LSN")->type_name("LSN");
  const auto aim = verb.add_option("--aim", options->aim, "newest, oldest or random moment of the window (default: in turns)")
                       ->type_name("MOMENT")
                       ->check(CLI::IsMember({"newest", "oldest", "random"}));
  at->excludes(lsn)->excludes(aim);
  lsn->excludes(aim);
  verb.add_option("--scratch", options->scratch, "Directory for the copy (default: scratch in the configuration)")
      ->type_name("DIR");
  verb.add_option("--binaries", options->binaries, "Where PostgreSQL's programs are (default: where packages put them)")
      ->type_name("DIR");
  verb.add_option("--budget", options->budget, "How long tables, indexes and pages are checked (default 30m)")->type_name("TIME");
  verb.add_flag("--keep-scratch", options->keep_scratch, "Leave the copy there, to be looked at");
  add_no_daemon(verb, options->place);
  on_chosen(line, verb, [options](Session& session) { return run_drill(*options, session); });
}

}  // namespace pgrecall
