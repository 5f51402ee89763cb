#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/wal.h"
#include "config/problem.h"
#include "engine/wal/fetch.h"
#include "engine/wal/prefetch.h"
#include "output/text.h"

namespace pgrecall {

namespace {
struct WalFetchOptions {
  std::string cluster;
  std::string file;
  std::string path;
  std::string spool;
  std::optional<std::uint64_t> system;
};

// PostgreSQL runs its restore_command in its data directory.
WalPlaces places_of(const WalFetchOptions& options, Session& session, std::string spool) {
  const Repository& repository = session.repository_of(options.cluster);
  return {.repository = repository,
          .system = options.system ? ClusterSystem(options.cluster, *options.system)
                                   : system_to_fetch(repository, options.cluster, "."),
          .spool = std::move(spool)};
}

// The receiver's spool on this host, as the configuration has it, unless the command line names one.
std::string spool_of(const WalFetchOptions& options, Session& session) {
  if (!options.spool.empty()) {
    return options.spool;
  }
  const Config* config = session.config();
  return config != nullptr ? config->spool : std::string();
}

// Leaves a process behind that fetches ahead. It has nothing of the server's but its directory: no descriptors, no terminal, no
// process group. Called while this process has one thread and has opened nothing.
void start_prefetcher(const WalFetchOptions& options, Session& session) {
  const pid_t child = ::fork();
  if (child != 0) {
    if (child > 0) {
      ::waitpid(child, nullptr, 0);
    }
    return;  // without it, fetching is slower and nothing else
  }
  if (::setsid() < 0 || ::fork() != 0) {
    ::_exit(exit_done);
  }
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(nothing, standard);
  }
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  constexpr int behind_the_server = 10;
  static_cast<void>(::nice(behind_the_server));
  try {
    const WalPlaces places = places_of(options, session, {});
    run_prefetcher(places, options.file, options.path);
  } catch (const std::exception&) {
    // The one who asks for the segment meets the same, and reports it.
    ::_exit(exit_fetch_failed);
  }
  ::_exit(exit_done);
}

// Whether the segment came from what was fetched ahead; else sees to it that the next ones do.
bool fetched_ahead(const WalFetchOptions& options, Session& session) {
  if (!is_recovery_path(options.path) || !is_segment_name(options.file)) {
    return false;
  }
  if (await_prefetched(options.file, options.path)) {
    return true;
  }
  if (!tell_prefetcher(options.file, options.path)) {
    start_prefetcher(options, session);
  }
  return false;
}

int run_wal_fetch(const WalFetchOptions& options, Session& session) {
  if (fetched_ahead(options, session)) {
    return exit_done;
  }
  const WalPlaces places = places_of(options, session, spool_of(options, session));
  const bool fetched = fetch_wal(places, options.file, options.path) == FetchResult::fetched;
  Console& console = session.console();
  if (console.json()) {
    console.json_data(nlohmann::ordered_json{{"fetched", fetched}, {"file", options.file}});
  }
  console.detail(options.file + (fetched ? ": fetched" : ": not there"));
  return fetched ? exit_done : exit_not_there;
}
}  // namespace

void add_wal_fetch(CommandLine& line, CLI::App& wal) {
  CLI::App& verb = add_verb(wal, "fetch", "Bring one WAL file, as restore_command: pgrecall wal fetch CLUSTER %f %p");
  const auto options = std::make_shared<WalFetchOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_option("FILE", options->file, "Name of a segment or timeline history (%f)")->required();
  verb.add_option("PATH", options->path, "Where it goes (%p)")->required();
  verb.add_option("--spool", options->spool, "Spools of receivers on this host, for what is not in the repository yet")
      ->type_name("DIR");
  verb.add_option("--system", options->system, "Whose WAL, by system identifier, where there is no pg_control that tells")
      ->type_name("NUMBER");
  on_chosen(line, verb, [options](Session& session) { return run_wal_fetch(*options, session); });
}

}  // namespace pgrecall
