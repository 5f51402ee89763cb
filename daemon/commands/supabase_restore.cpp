#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "base/units.h"
#include "base/wording.h"
#include "commands/commands.h"
#include "commands/supabase.h"
#include "commands/time_option.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

constexpr const char* healthy = "ACTIVE_HEALTHY";
constexpr const char* restore_failed = "RESTORE_FAILED";
// Asked this often after it was accepted, a restore has begun, or never will.
constexpr int asked_before_it_began = 30;

struct PlatformRestoreOptions {
  std::string name;
  std::string at;
  std::string confirm;
  std::string every = "10s";
};

std::chrono::milliseconds interval_of(const PlatformRestoreOptions& options) {
  const auto every = parse_duration(options.every);
  if (!every || *every <= 0ms || *every > 10min) {
    throw Error(ErrorKind::usage, "--every: " + in_quotes(options.every) + " cannot be used",
                "write a duration of up to 10m, as 10s");
  }
  return *every;
}

Time target_of(const PlatformRestoreOptions& options, Console& console) {
  const TypedTime typed = take_time("--at", options.at);
  if (typed.local) {
    console.message("--at without a zone is local time: " + format_local_time(typed.time) + ", which is " +
                    format_time(typed.time));
  }
  return std::chrono::floor<std::chrono::seconds>(typed.time);
}

void require_in_window(Time target, const PlatformBackups& backups, const std::string& cluster) {
  const std::string others =
      "the platform's daily backups are restored in its dashboard; our own dumps: pgrecall list " + cluster;
  if (backups.pitr_enabled != true) {
    throw Error(ErrorKind::target_unreachable, "the platform keeps no WAL of this project: recovery to any moment is off",
                others);
  }
  if (!backups.earliest || !backups.latest) {
    throw Error(ErrorKind::target_unreachable, "the platform does not say which moments it can bring back", others);
  }
  if (target < *backups.earliest || target > *backups.latest) {
    throw Error(
        ErrorKind::target_unreachable,
        fmt::format("the platform can bring back {} to {}", format_time(*backups.earliest), format_time(*backups.latest)),
        target > *backups.latest ? "on a database that nobody writes to the end stands still: its last change is there" : others)
        .with("target", format_time(target));
  }
}

// Sleeps; false when asked to stop.
bool pause(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [&stop] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

// Waits until the project is back. A question that gets no answer is asked again: the platform goes on without us.
void follow(const ChosenPlatform& chosen, std::chrono::milliseconds every, Console& console, const std::stop_token& stop) {
  const std::string look = "see how it goes on: pgrecall supabase status " + chosen.cluster;
  std::string last;
  int asked = 0;
  bool began = false;
  while (true) {
    if (!pause(every, stop)) {
      throw Error(ErrorKind::cancelled, "no longer watched: the platform goes on with the restore", look);
    }
    ApiAnswer<std::string> answer = chosen.platform.api->project_status(chosen.platform.project, stop);
    if (const ApiTrouble* trouble = std::get_if<ApiTrouble>(&answer)) {
      if (trouble->refused()) {
        throw error_of(*trouble);
      }
      console.message(trouble->text + "; asked again");
      continue;
    }
    const std::string& status = std::get<std::string>(answer);
    ++asked;
    if (status != last) {
      console.message("project is " + printable(status));
      last = status;
    }
    if (status == restore_failed) {
      throw Error(ErrorKind::failed, "the platform says that the restore failed",
                  "write to its support; meanwhile our dumps can be loaded elsewhere: pgrecall list " + chosen.cluster);
    }
    began = began || status != healthy;
    if (began && status == healthy) {
      return;
    }
    if (!began && asked >= asked_before_it_began) {
      throw Error(ErrorKind::failed, "the platform took the request, and the project never left ACTIVE_HEALTHY",
                  "look into the dashboard whether the restore was done; " + look);
    }
  }
}

int run_platform_restore(const PlatformRestoreOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  Console& console = session.console();
  const std::chrono::milliseconds every = interval_of(options);
  const Time target = target_of(options, console);
  const ChosenPlatform chosen = choose_platform(options.name, session);
  const std::string& project = chosen.platform.project;
  ManagementApi& api = *chosen.platform.api;
  require_in_window(target, value_or_throw(api.backups(project, stop)), chosen.cluster);
  if (const std::string status = value_or_throw(api.project_status(project, stop)); status != healthy) {
    throw Error(ErrorKind::failed, "the project is " + printable(status) + ", not ACTIVE_HEALTHY",
                "wait until it is, or ask the platform's support");
  }
  console.message(
      fmt::format("The platform brings project {} back to {}, in place:\n"
                  "  - everything written after that is lost\n"
                  "  - the project is down meanwhile, longer the larger it is\n"
                  "  - replication slots and subscriptions of others must be dropped first, and be made anew after it\n"
                  "Take a dump of how it is now, if anything of it may be wanted: pgrecall backup {}",
                  project, format_time(target), chosen.cluster));
  require_confirmation(project, options.confirm, "in scripts: --confirm " + project, console);
  if (const auto trouble = api.restore(project, target, stop)) {
    Error error = error_of(*trouble);
    if (trouble->may_have_acted) {
      throw Error(error.kind(), error.message() + "; whether the restore began is not known",
                  "before asking again: pgrecall supabase status " + chosen.cluster);
    }
    throw error;
  }
  console.message("the platform has begun");
  follow(chosen, every, console, stop);
  if (console.json()) {
    console.json_data({{"cluster", chosen.cluster}, {"project", project}, {"target", format_time(target)}, {"status", healthy}});
  } else {
    console.summary(
        fmt::format("Project {} is back, as it was at {}.\nNext: look whether it is what you wanted, then take a "
                    "dump: pgrecall backup {}\n",
                    project, format_time(target), chosen.cluster));
  }
  return exit_done;
}
}  // namespace

void add_supabase_restore(CommandLine& line, CLI::App& group) {
  CLI::App& verb = add_verb(group, "restore", "Has the platform bring a project back to a moment, in place");
  const auto options = std::make_shared<PlatformRestoreOptions>();
  verb.add_option("CLUSTER", options->name, "The cluster, or its project's reference")->required();
  verb.add_option("--at", options->at, "The moment, as 2026-11-23 14:30:00 Europe/Berlin")->type_name("TIME")->required();
  verb.add_option("--confirm", options->confirm, "The project's reference, where nobody is there to type it")->type_name("REF");
  verb.add_option("--every", options->every, "How often the platform is asked how far it is")
      ->type_name("TIME")
      ->capture_default_str();
  on_chosen(line, verb, [options](Session& session) { return run_platform_restore(*options, session); });
}

}  // namespace pgrecall
