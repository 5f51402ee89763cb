#include "commands/commands.h"
#include "commands/outcome.h"
#include "jobs/check_job.h"

namespace pgrecall {

namespace {
struct CheckOptions {
  std::string cluster;
  std::string connection;
};

std::vector<std::string> clusters_of(const CheckOptions& options, Session& session) {
  if (!options.cluster.empty()) {
    return {options.cluster};
  }
  const Config* config = session.config();
  if (config == nullptr) {
    throw Error(ErrorKind::usage, "which cluster is meant was not said",
                "pgrecall check CLUSTER --repository ... --connection ...");
  }
  std::vector<std::string> names;
  for (const auto& [name, cluster] : config->clusters) {
    names.push_back(name);
  }
  return names;
}

int run_check(const CheckOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  // An invalid file ends the check; a secret that it names and that is not there is one cluster's item.
  const Config* config = session.config();
  std::vector<CheckedCluster> all;
  for (const std::string& cluster : clusters_of(options, session)) {
    const CheckPlaces places{
        .connection = [&] { return session.connection(cluster, options.connection); },
        .repository = [&]() -> const Repository& { return session.repository_of(cluster); },
        .configured = config != nullptr && config->clusters.contains(cluster) ? &config->clusters.at(cluster) : nullptr};
    all.push_back(check_cluster(cluster, places, session.clock(), stop));
  }
  return show_outcome(outcome_of(all, session.console().style()), session.console());
}
}  // namespace

void add_check(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "check", "Try what backups need: server, privileges, settings, repository");
  const auto options = std::make_shared<CheckOptions>();
  verb.add_option("CLUSTER", options->cluster, "One cluster only");
  verb.add_option("--connection", options->connection, "How to reach the server, without a configuration")->type_name("CONNINFO");
  on_chosen(line, verb, [options](Session& session) { return run_check(*options, session); });
}

}  // namespace pgrecall
