#include "commands/wal.h"
#include "config/problem.h"
#include "engine/wal/fetch.h"
#include "output/text.h"

namespace pgrecall {

namespace {
struct WalFetchOptions {
  std::string cluster;
  std::string file;
  std::string path;
  std::string spool;
};

// The receiver's spool on this host, as the configuration has it, unless the command line names one.
std::string spool_of(const WalFetchOptions& options, Session& session) {
  if (!options.spool.empty()) {
    return options.spool;
  }
  const Config* config = session.config();
  return config != nullptr ? config->spool : std::string();
}

int run_wal_fetch(const WalFetchOptions& options, Session& session) {
  const WalPlaces places{
      .repository = session.repository_of(options.cluster), .cluster = options.cluster, .spool = spool_of(options, session)};
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
  on_chosen(line, verb, [options](Session& session) { return run_wal_fetch(*options, session); });
}

}  // namespace pgrecall
