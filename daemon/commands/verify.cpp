#include <filesystem>

#include "client/daemon_run.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/outcome.h"
#include "jobs/verify_job.h"
#include "output/progress_line.h"

namespace pgrecall {

namespace {
struct VerifyOptions {
  std::string cluster;
  RunPlace place;
  VerifyWishes wishes;
};

VerifyPlace place_of(const VerifyOptions& options, Session& session) {
  const Config* config = session.config();
  const bool has_spool = config != nullptr && std::filesystem::is_directory(config->spool);
  return {.cluster = options.cluster, .spool = has_spool ? config->spool : std::string(), .budget = {}, .server = [&] {
            return session.connection(options.cluster, {});
          }};
}

int run_verify(const VerifyOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  check_wishes(options.wishes);
  if (const auto daemon = daemon_for(options.place, session)) {
    return run_in_daemon(*daemon, options.cluster, JobKind::verify, to_json(options.wishes), session);
  }
  Console& console = session.console();
  const Repository& repository = session.repository_of(options.cluster);
  Progress progress;
  const JobContext context{repository, session.clock(), progress, stop, console.style(), session.repeated_options()};
  const JobOutcome outcome = run_shown(progress, console, "nothing was marked; start it again when it suits",
                                       [&] { return run_verify_job(place_of(options, session), options.wishes, context); });
  return show_outcome(outcome, console);
}
}  // namespace

void add_verify(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "verify", "Read what is stored and check every byte of it");
  const auto options = std::make_shared<VerifyOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_option("ID", options->wishes.id, "One backup, or latest (default: all)");
  verb.add_option_function<std::string>(
          "--data", [options](const std::string& text) { options->wishes.fraction = take_fraction("--data", text); },
          "How much of the data to read: all (default), or a random sample such as 10%")
      ->type_name("AMOUNT");
  verb.add_option("--workers", options->wishes.workers, "Threads that read and check (default 2)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  verb.add_flag("--repair", options->wishes.repair, "Mend what is damaged out of other backups, the spool or the server");
  verb.add_option("--budget", options->wishes.budget,
                  "How much of the data to read, as 100GB or 30m: what was not read for longest (default: all)")
      ->type_name("BUDGET");
  add_no_daemon(verb, options->place);
  on_chosen(line, verb, [options](Session& session) { return run_verify(*options, session); });
}

}  // namespace pgrecall
