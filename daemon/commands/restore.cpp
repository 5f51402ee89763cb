#include "engine/restore.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/units.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/restore_companions.h"
#include "commands/restore_recovery.h"
#include "config/problem.h"
#include "engine/drill/recovery_estimate.h"
#include "engine/start_server.h"
#include "output/backup_text.h"
#include "output/progress_line.h"
#include "output/text.h"
#include "postgres/postgres_version.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct RestoreOptions {
  std::string cluster;
  std::string backup;
  std::string into;
  bool delta = false;
  bool dry_run = false;
  std::vector<std::string> tablespaces;
  std::string configuration_into;
  std::string companions;
  std::optional<unsigned> workers;
  RecoveryOptions recovery;
  bool start = false;
  std::string binaries;
  std::vector<std::string> settings;  // NAME=VALUE

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> server_settings() const {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const std::string& setting : settings) {
      const std::size_t equals = setting.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw Error(ErrorKind::usage, "--set: " + in_quotes(setting) + " cannot be used", "it is NAME=VALUE, such as port=5433");
      }
      pairs.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    }
    return pairs;
  }
};

std::string absolute(const std::string& path) {
  if (path.empty()) {
    return path;
  }
  const std::string whole = std::filesystem::absolute(path).lexically_normal().string();
  return whole.size() > 1 && whole.ends_with('/') ? whole.substr(0, whole.size() - 1) : whole;
}

RestoreRequest request_of(const RestoreOptions& options) {
  RestoreRequest request;
  request.cluster = options.cluster;
  request.backup = parse_backup_choice(options.backup);
  request.into = absolute(options.into);
  request.mode = options.delta ? RestoreRequest::Mode::delta : RestoreRequest::Mode::empty_directory;
  for (const std::string& mapping : options.tablespaces) {
    const auto [from, to] = take_pair("--tablespace", mapping);
    if (!request.tablespaces.emplace(from, absolute(to)).second) {
      throw Error(ErrorKind::usage, "--tablespace names " + in_quotes(from) + " twice", "give each tablespace one new location");
    }
  }
  request.configuration_into = absolute(options.configuration_into);
  request.binaries = absolute(options.binaries);
  request.workers = options.workers.value_or(request.workers);
  return request;
}

// Beside the data directory where its owner may write there, else in it.
std::string startup_log(const RestorePlan& plan) {
  const std::string parent = std::filesystem::path(plan.request.into).parent_path();
  struct stat there {};
  const struct passwd* owner = ::getpwnam(plan.owner.c_str());  // NOLINT(concurrency-mt-unsafe): no other thread looks users up
  const bool writable =
      ::stat(parent.c_str(), &there) == 0 &&
      ((owner != nullptr && there.st_uid == owner->pw_uid && (there.st_mode & S_IWUSR) != 0) || (there.st_mode & S_IWOTH) != 0);
  return writable ? plan.request.into + ".log" : plan.request.into + "/startup.log";
}

// pg_ctl refuses to run as root.
std::string start_command(const RestorePlan& plan) {
  const std::string user =
      geteuid() == 0 ? "runuser -u " + shell_word(plan.owner.empty() ? "postgres" : plan.owner) + " -- " : "";
  const std::string pg_ctl = plan.postgres_binaries.empty() ? "pg_ctl" : plan.postgres_binaries + "/pg_ctl";
  return user + shell_word(pg_ctl) + " -D " + shell_word(plan.request.into) + " -l " + shell_word(startup_log(plan)) + " start";
}

// By what drills of the cluster took.
std::optional<RecoveryEstimate> estimate_of(const RestorePlan& plan, const Repository& repository) {
  constexpr std::size_t drills_looked_at = 60;
  const BackupSummary& summary = plan.backup.summary;
  const Lsn until = plan.recovery ? plan.recovery->replay_until : summary.stop_lsn;
  return estimate_recovery(read_drills(repository, plan.request.cluster, drills_looked_at), summary.logical_bytes,
                           until.value - std::min(until.value, summary.start_lsn.value));
}

ordered_json json_of(const std::optional<RecoveryEstimate>& estimate) {
  return estimate ? ordered_json{{"restore_seconds", estimate->restore_seconds},
                                 {"replay_seconds", estimate->replay_seconds},
                                 {"drills", estimate->drills}}
                  : ordered_json(nullptr);
}

std::string text_of(const std::optional<RecoveryEstimate>& estimate, const std::string& cluster) {
  const auto shown = [](double seconds) {
    return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  };
  return estimate ? "about " + shown(estimate->seconds()) + ": " + shown(estimate->restore_seconds) + " to restore, " +
                        shown(estimate->replay_seconds) + " to replay, by " + format_count(estimate->drills, "drill", "drills")
                  : "not known before a drill has measured it: pgrecall drill " + cluster;
}

ordered_json json_of(const RestorePlan& plan) {
  const BackupSummary& summary = plan.backup.summary;
  ordered_json json{{"cluster", plan.request.cluster}, {"backup", summary.id.text}, {"into", plan.request.into}};
  json["mode"] = plan.request.mode == RestoreRequest::Mode::delta ? "delta" : "empty_directory";
  json["started"] = format_time(summary.started);
  json["server_version"] = format_version_num(summary.server_version);
  json["files"] = summary.files;
  json["logical_bytes"] = summary.logical_bytes;
  json["first_wal_segment"] = plan.first_wal.file_name();
  json["last_wal_segment"] = plan.last_wal.file_name();
  json["tablespaces"] = ordered_json::array();
  for (const RestorePlan::Tablespace& tablespace : plan.tablespaces) {
    json["tablespaces"].push_back(
        {{"oid", tablespace.oid}, {"from", tablespace.from}, {"to", tablespace.to}, {"bytes", tablespace.size}});
  }
  json["configuration_into"] = plan.configuration_into;
  json["companions"] = companions_json(summary);
  json["space"] = ordered_json::array();
  for (const RestorePlan::Space& space : plan.space) {
    json["space"].push_back({{"path", space.path}, {"needed_bytes", space.needed}, {"available_bytes", space.available}});
  }
  json["postgres_binaries"] = plan.postgres_binaries.empty() ? ordered_json(nullptr) : ordered_json(plan.postgres_binaries);
  json["owner"] = plan.owner;
  json["recovery"] = plan.recovery ? recovery_json(*plan.recovery) : ordered_json(nullptr);
  json["warnings"] = plan.warnings;
  json["start_command"] = start_command(plan);
  return json;
}

ordered_json json_of(const RestoreResult& result) {
  return {{"files", result.files},
          {"bytes", result.bytes},
          {"bytes_written", result.bytes_written},
          {"wal_segments", result.wal_segments},
          {"duration_seconds", static_cast<double>(result.duration.count()) / 1000}};
}

std::string same_timeline(const RestorePlan& plan) {
  return std::to_string(plan.backup.summary.timeline) +
         ", as the original; a server that takes its place and whose WAL is received: restore with --latest, --at or --immediate";
}

std::string text_of(const RestorePlan& plan, const std::optional<RecoveryEstimate>& estimate, const Style& style) {
  const BackupSummary& summary = plan.backup.summary;
  std::string out = style.paint(Tone::strong, "plan") + " (nothing was written)\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<14}", label)) + printable(text) + "\n";
  };
  line("backup", summary.id.text + " of " + summary.cluster + ", PostgreSQL " + format_version_num(summary.server_version));
  line("state", "as of " + format_local_time(summary.finished) + ", LSN " + summary.stop_lsn.to_string());
  line("into", plan.request.into + (plan.request.mode == RestoreRequest::Mode::delta
                                        ? ": what differs is rewritten, what does not belong is removed"
                                        : ": an empty directory"));
  line("size", format_size(summary.logical_bytes) + " in " + format_count(summary.files, "file", "files"));
  line("WAL", plan.first_wal.file_name() + " to " + plan.last_wal.file_name());
  if (plan.recovery) {
    for (const auto& [label, text] : recovery_lines(*plan.recovery)) {
      line(label, text);
    }
  } else {
    line("timeline", same_timeline(plan));
  }
  for (const RestorePlan::Tablespace& tablespace : plan.tablespaces) {
    line("tablespace",
         std::to_string(tablespace.oid) + ", " + format_size(tablespace.size) + ": " + tablespace.from + " -> " + tablespace.to);
  }
  if (!summary.configuration_files.empty()) {
    line("configuration", format_count(summary.configuration_files.size(), "file", "files") + " into " + plan.configuration_into);
  }
  for (const RestorePlan::Space& space : plan.space) {
    line("space", space.path + ": " + format_size(space.needed) + " needed, " + format_size(space.available) + " free");
  }
  line("time", text_of(estimate, plan.request.cluster));
  line("owner", plan.owner);
  line("binaries", plan.postgres_binaries.empty() ? "not found" : plan.postgres_binaries);
  line("start it with", start_command(plan));
  return out;
}

enum class Start { by_hand, now };

std::string text_of(const RestorePlan& plan, const RestoreResult& result, Start start, const Style& style) {
  const auto millis = std::max<std::int64_t>(1, result.duration.count());
  std::string out = style.paint(Tone::good, "restored") + " " + plan.backup.summary.id.text + " of " + plan.request.cluster +
                    " into " + printable(plan.request.into) + " in " + format_duration(result.duration) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<11}", label)) + printable(text) + "\n";
  };
  line("size", format_size(result.bytes) + " in " + format_count(result.files, "file", "files") + ", " +
                   format_rate(1000.0 * static_cast<double>(result.bytes) / static_cast<double>(millis)));
  if (plan.request.mode == RestoreRequest::Mode::delta) {
    line("written", format_size(result.bytes_written) + "; the rest was there already");
  }
  if (plan.recovery) {
    for (const auto& [label, text] : recovery_lines(*plan.recovery)) {
      if (label != "setting") {
        line(label, text);
      }
    }
  } else {
    line("WAL", format_count(result.wal_segments, "segment", "segments") + " for recovery to a consistent state");
    line("timeline", same_timeline(plan));
  }
  if (!plan.backup.summary.configuration_files.empty()) {
    line("outside", "the server's settings, and configuration from outside the data directory where it could be read: " +
                        plan.configuration_into);
  }
  if (start == Start::by_hand) {
    line("next", start_command(plan));
  }
  return out;
}

// What is known to keep --start from working.
void refuse_start(const RestorePlan& plan) {
  if (plan.postgres_binaries.empty()) {
    throw Error(ErrorKind::failed, "--start needs PostgreSQL of the backup's version on this host",
                "install it, or say where its programs are: --binaries DIR");
  }
  if (!plan.unreadable.empty()) {
    throw Error(ErrorKind::failed,
                "user " + plan.owner + ", who would run the server, may not read what its restore_command needs",
                "let that user read it (docs/wal.md, \"Fetching\"), or restore as the user who owns it; nothing was written")
        .with("path", plan.unreadable.front());
  }
}

ServerStart start_of(const RestorePlan& plan, const RestoreOptions& options) {
  ServerStart start;
  start.data = plan.request.into;
  start.binaries = plan.postgres_binaries;
  start.owner = plan.owner;
  start.log = startup_log(plan);
  start.settings = options.server_settings();
  start.from = plan.backup.summary.start_lsn;
  start.until = plan.recovery ? plan.recovery->wal_until : plan.backup.summary.stop_lsn;
  return start;
}

// PostgreSQL takes a damaged record for the end of the WAL, and opens a database that lacks what came behind it.
void require_end_of_wal(const RestorePlan& plan, const ServerMoment& moment) {
  if (plan.recovery && plan.recovery->last_record && moment.replayed.valid() && moment.replayed <= *plan.recovery->last_record) {
    throw Error(
        ErrorKind::corruption,
        "recovery ended before the end of the WAL: transactions are missing in the server that was started",
        "its log says what it met there; run pgrecall verify; pgrecall restore --at the time before reaches the moment before it")
        .with("expected", "behind " + plan.recovery->last_record->to_string())
        .with("found", moment.replayed.to_string())
        .with("log", startup_log(plan));
  }
}

// The directory for companion files, which is no part of the server's.
std::string apart_from(const RestorePlan& plan, std::string companions) {
  const auto refuse_within = [&](const std::string& directory) {
    if ((companions + "/").starts_with(directory + "/")) {
      throw Error(ErrorKind::usage, "--companions lies in a directory of the server's", "name one of its own")
          .with("path", companions);
    }
  };
  refuse_within(plan.request.into);
  for (const RestorePlan::Tablespace& tablespace : plan.tablespaces) {
    refuse_within(tablespace.to);
  }
  return companions;
}

// After the data directory, and before a server is started that may need them.
RestoredCompanions bring_companions(const Repository& repository, const CompanionsPlan& plan, Session& session) {
  Progress progress;
  return run_shown(progress, session.console(),
                   "the database is restored; for its companion files: pgrecall restore " + plan.cluster + " --backup " +
                       plan.backup.text + " --companions DIR",
                   [&] { return restore_companions(repository, plan, progress, session.stop()); });
}

int run_restore(const RestoreOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  RestoreRequest request = request_of(options);
  static_cast<void>(options.server_settings());  // what is wrong with them is said before anything is done
  const Repository& repository = session.repository_of(options.cluster);
  request.recovery = recovery_request(options.recovery, options.cluster, session);
  const RestorePlan plan = plan_restore(repository, request, stop);
  Console& console = session.console();
  for (const std::string& warning : plan.warnings) {
    console.warning(warning);
  }
  if (options.start) {
    refuse_start(plan);
  }
  std::optional<CompanionsPlan> companions;
  if (!options.companions.empty()) {
    companions = plan_companions(repository, plan.backup, apart_from(plan, absolute(options.companions)));
    warn_of_missing(*companions, console);
  }
  const auto passphrase = plan.recovery ? passphrase_without_file(options.cluster, session) : std::nullopt;
  if (passphrase && !options.start) {
    console.warning(
        "the server needs the repository's passphrase too: start it with PGRECALL_PASSPHRASE set, or use --passphrase-file");
  }
  if (options.dry_run) {
    const auto estimate = estimate_of(plan, repository);
    if (console.json()) {
      ordered_json document{{"plan", json_of(plan)}, {"estimate", json_of(estimate)}};
      if (companions) {
        document["companions"] = companions_plan_json(*companions, nullptr);
      }
      console.json_data(document);
    } else {
      console.data(text_of(plan, estimate, console.style()) + (companions
                                                                   ? companions_plan_text(*companions, nullptr, console.style())
                                                                   : companions_left_text(plan.backup.summary, console.style())));
    }
    return exit_done;
  }
  Progress progress;
  const RestoreResult result =
      run_shown(progress, console, "the directory cannot be started; the same command with --delta goes on from there",
                [&] { return restore(repository, plan, progress, stop); });
  ordered_json document{{"plan", json_of(plan)}, {"restore", json_of(result)}};
  std::string text = text_of(plan, result, options.start ? Start::now : Start::by_hand, console.style());
  if (companions) {
    const RestoredCompanions restored = bring_companions(repository, *companions, session);
    document["companions"] = companions_plan_json(*companions, &restored);
    text += companions_plan_text(*companions, &restored, console.style());
  } else {
    text += companions_left_text(plan.backup.summary, console.style());
  }
  if (options.start) {
    Progress replay;
    const ServerMoment moment = run_shown(
        replay, console, "what was restored is whole; recovery goes on when it is started: " + start_command(plan), [&] {
          ServerStart start = start_of(plan, options);
          start.passphrase = passphrase;
          return start_server(start, replay, stop);
        });
    require_end_of_wal(plan, moment);
    document["server"] = moment_json(moment);
    text += moment_text(moment, console.style());
  }
  if (console.json()) {
    console.json_data(document);
  }
  console.summary(text);
  return companions && !companions->missing.empty() ? exit_done_with_warnings : exit_done;
}
}  // namespace

void add_restore(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "restore", "Bring a backup back as a data directory that a server can start from");
  const auto options = std::make_shared<RestoreOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_option("--into", options->into, "The data directory (required): empty or not there yet, unless --delta")
      ->type_name("DIR");
  verb.add_option("--backup", options->backup, "Which backup (default: latest)")->type_name("ID");
  add_recovery_options(verb, options->recovery);
  verb.add_flag("--delta", options->delta, "Rewrite only what differs in DIR, and remove what does not belong there");
  verb.add_option("--tablespace", options->tablespaces,
                  "New location of a tablespace, by its old location or oid; may be repeated")
      ->type_name("OLD=NEW")
      ->expected(1)
      ->take_all();
  verb.add_option("--configuration-into", options->configuration_into,
                  "Where configuration from outside the data directory goes (default: DIR.configuration)")
      ->type_name("DIR");
  verb.add_option("--companions", options->companions,
                  "Where the backup's companion files go: empty or not there yet; without --into, nothing but these")
      ->type_name("DIR");
  verb.add_flag("--start", options->start, "Start the server, wait until it is there, and tell the moment that it reached");
  verb.add_option("--set", options->settings, "A server setting for --start, such as port=5433; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all()
      ->needs("--start");
  verb.add_option("--binaries", options->binaries, "Where PostgreSQL's programs are (default: where packages put them)")
      ->type_name("DIR");
  verb.add_flag("--dry-run", options->dry_run, "Check everything and print the plan; write nothing");
  verb.add_option("--workers", options->workers, "Threads that read, check and write (default 2)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  verb.parse_complete_callback([options] {
    if (options->into.empty() && options->companions.empty()) {
      throw CLI::RequiredError("--into");
    }
  });
  on_chosen(line, verb, [options, &verb](Session& session) {
    if (!options->into.empty()) {
      return run_restore(*options, session);
    }
    require_companions_only(verb);
    return restore_companions_only(options->cluster, options->backup, absolute(options->companions),
                                   options->dry_run ? CompanionsStep::plan : CompanionsStep::restore, session);
  });
}

}  // namespace pgrecall
