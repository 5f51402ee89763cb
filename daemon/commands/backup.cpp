#include "client/daemon_run.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/outcome.h"
#include "jobs/backup_job.h"
#include "output/progress_line.h"

namespace pgrecall {

namespace {
struct BackupOptions {
  std::string cluster;
  RunPlace place;
  BackupWishes wishes;
};

int run_backup(const BackupOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  if (const auto daemon = daemon_for(options.place, session)) {
    return run_in_daemon(*daemon, options.cluster, JobKind::backup, to_json(options.wishes), session);
  }
  Console& console = session.console();
  ConnectionSettings connection = session.connection(options.cluster, options.place.connection);
  const Config* config = session.config();
  const ClusterConfig* configured =
      config != nullptr && config->clusters.contains(options.cluster) ? &config->clusters.at(options.cluster) : nullptr;
  const BackupRequest request = backup_request(options.cluster, options.wishes, std::move(connection), configured,
                                               config != nullptr ? config->spool : std::string());
  const Repository& repository = session.repository_of(options.cluster);
  Progress progress;
  const JobContext context{repository, session.clock(), progress, stop, console.style(), session.repeated_options()};
  const JobOutcome outcome = run_shown(progress, console, "what was stored is used again by the next backup",
                                       [&] { return run_backup_job(request, context); });
  return show_outcome(outcome, console);
}

void add_options(CLI::App& verb, BackupOptions& options) {
  verb.add_option("CLUSTER", options.cluster, "The cluster's name, in the configuration and in the repository")->required();
  verb.add_flag("--full", options.wishes.full, "Store everything anew instead of sharing what earlier backups have");
  verb.add_flag("--new-system", options.wishes.new_system,
                "The server was upgraded or rebuilt: take a full backup, and go on with it under this name");
  verb.add_option_function<std::string>(
          "--keep",
          [&options](const std::string& text) {
            options.wishes.keep = take_word<Keep>(
                "--keep", text,
                {{"daily", Keep::daily}, {"weekly", Keep::weekly}, {"monthly", Keep::monthly}, {"manual", Keep::manual}});
          },
          "What it is kept as: daily, weekly, monthly, manual (default)")
      ->type_name("KIND");
  verb.add_option("--note", options.wishes.note, "A remark for list and show")->type_name("TEXT")->check(check_note);
  verb.add_option("--connection", options.place.connection,
                  "How to reach the server, without a configuration: libpq's connection string or URI, without a password")
      ->type_name("CONNINFO");
  verb.add_option_function<std::string>(
          "--checkpoint",
          [&options](const std::string& text) {
            options.wishes.checkpoint = take_word<BackupCheckpoint>(
                "--checkpoint", text, {{"fast", BackupCheckpoint::fast}, {"spread", BackupCheckpoint::spread}});
          },
          "fast (default) starts at once; spread spares the server")
      ->type_name("MODE");
  verb.add_option_function<std::string>(
          "--max-rate", [&options](const std::string& text) { options.wishes.max_rate = take_rate("--max-rate", text); },
          "Read no faster than this from the server: 50MB/s")
      ->type_name("RATE");
  verb.add_option_function<std::string>(
          "--compression",
          [&options](const std::string& text) { options.wishes.compression = take_compression("--compression", text); },
          "zstd (default, level 1), zstd:LEVEL, lz4, lz4:LEVEL, none")
      ->type_name("METHOD");
  verb.add_option("--workers", options.wishes.workers, "Threads that hash, compress and seal (default 3)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  add_no_daemon(verb, options.place);
}
}  // namespace

void add_backup(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "backup", "Take a backup of a cluster");
  const auto options = std::make_shared<BackupOptions>();
  add_options(verb, *options);
  on_chosen(line, verb, [options](Session& session) { return run_backup(*options, session); });
}

}  // namespace pgrecall
