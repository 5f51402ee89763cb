#include "base/units.h"
#include "client/daemon_run.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/outcome.h"
#include "jobs/expire_job.h"
#include "jobs/retention.h"
#include "output/progress_line.h"

namespace pgrecall {

namespace {
struct ExpireOptions {
  RunPlace place;
  std::string cluster;
  bool dry_run = false;
  bool confirm = false;
  std::string remove;
  std::string grace;
  std::optional<unsigned> daily;
  std::optional<unsigned> weekly;
  std::optional<unsigned> monthly;
  std::optional<std::string> window;
  std::optional<std::string> timezone;
};

// What the command line says goes before the configuration; without configuration it says everything, since a guess at what is
// to be kept could remove what somebody needs.
RetentionPolicy policy_of(const ExpireOptions& options, Session& session) {
  const ClusterConfig* configured = session.cluster(options.cluster);
  if (configured == nullptr && (!options.daily || !options.weekly || !options.monthly || !options.window)) {
    throw Error(ErrorKind::usage, "what is to be kept was not said",
                "name a configuration by --config, or give --daily, --weekly, --monthly and --window");
  }
  RetentionConfig retention = configured != nullptr ? configured->retention : RetentionConfig{};
  retention.daily = options.daily.value_or(retention.daily);
  retention.weekly = options.weekly.value_or(retention.weekly);
  retention.monthly = options.monthly.value_or(retention.monthly);
  retention.window = options.window ? take_duration("--window", *options.window) : retention.window;
  return retention_policy(retention,
                          options.timezone.value_or(configured != nullptr ? configured->schedule.timezone : std::string("UTC")));
}

int run_expire(const ExpireOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  ExpireWishes wishes;
  wishes.mode = options.dry_run ? ExpireWishes::Mode::dry_run : ExpireWishes::Mode::remove;
  wishes.confirmation = options.confirm ? Confirmation::given : Confirmation::none;
  wishes.remove = options.remove;
  if (!options.grace.empty()) {
    wishes.grace = std::chrono::floor<std::chrono::seconds>(take_duration("--grace", options.grace));
  }
  // A dry run disturbs nobody, and another policy than the configured one is not the daemon's business.
  const bool as_configured = !options.daily && !options.weekly && !options.monthly && !options.window && !options.timezone;
  if (const auto daemon = !options.dry_run && as_configured ? daemon_for(options.place, session) : std::nullopt) {
    return run_in_daemon(*daemon, options.cluster, JobKind::expire, to_json(wishes), session);
  }
  Console& console = session.console();
  const Repository& repository = session.repository_of(options.cluster);
  const RetentionPolicy policy = policy_of(options, session);
  require_cluster(repository, options.cluster);
  Progress progress;
  const JobContext context{repository, session.clock(), progress, stop, console.style(), session.repeated_options()};
  const JobOutcome outcome = run_shown(progress, console, "what is not needed any more goes with the next expire",
                                       [&] { return run_expire_job(options.cluster, policy, wishes, context); });
  return show_outcome(outcome, console);
}
}  // namespace

void add_expire(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "expire", "Remove the backups and the WAL that nothing keeps any more");
  const auto options = std::make_shared<ExpireOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_flag("--dry-run", options->dry_run, "Only say which backups stay or go, why, and what becomes of the recovery window");
  verb.add_flag("--confirm", options->confirm, "Go on although more than half of the good backups go");
  verb.add_option("--remove", options->remove, "Also this backup, such as a manual one that is not needed any more")
      ->type_name("ID");
  verb.add_option("--grace", options->grace, "How long what nobody needs stays for those who are reading it (default 1d)")
      ->type_name("DURATION");
  verb.add_option("--daily", options->daily, "Days of which a backup is kept, instead of what the configuration says")
      ->type_name("N");
  verb.add_option("--weekly", options->weekly, "Weeks, likewise")->type_name("N");
  verb.add_option("--monthly", options->monthly, "Months, likewise")->type_name("N");
  verb.add_option("--window", options->window, "How far back recovery to any moment is possible, likewise")
      ->type_name("DURATION");
  verb.add_option("--timezone", options->timezone, "Time zone in which days begin, likewise")->type_name("ZONE");
  add_no_daemon(verb, options->place);
  on_chosen(line, verb, [options](Session& session) { return run_expire(*options, session); });
}

}  // namespace pgrecall
