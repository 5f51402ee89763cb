#include "base/units.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "jobs/retention.h"
#include "jobs/sweep_json.h"
#include "output/progress_line.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct SweepOptions {
  std::string name;
  std::string cluster;
  bool dry_run = false;
  std::string grace;
};

SweepRequest request_of(const SweepOptions& options, const std::string& cluster, Session& session) {
  SweepRequest request{.cluster = cluster, .policy = {}};
  if (const Config* config = session.config(); config != nullptr && config->clusters.contains(cluster)) {
    request.policy = retention_policy(config->clusters.at(cluster));
  }
  if (!options.grace.empty()) {
    request.grace = std::chrono::floor<std::chrono::seconds>(take_duration("--grace", options.grace));
  }
  return request;
}

struct Swept {
  ordered_json json;
  std::string text;
  std::vector<std::string> problems;
};

Swept sweep_one(const SweepOptions& options, const Repository& repository, const std::string& cluster, Session& session,
                Progress& progress, const std::stop_token& stop) {
  const SweepRequest request = request_of(options, cluster, session);
  Swept swept;
  if (options.dry_run) {
    const SweepPlan plan = plan_sweep(repository, request, session.clock().now());
    swept = {sweep_json(plan), cluster + ": " + sweep_text(plan), plan.problems};
  } else {
    const SweepResult result = sweep(repository, request, session.clock(), progress, stop);
    swept = {sweep_json(result), cluster + ": " + sweep_text(result), result.problems};
  }
  swept.json["cluster"] = cluster;
  if (!request.policy) {
    swept.json["notes"].push_back("no WAL goes: the configuration does not say what is to be kept of this cluster");
  }
  return swept;
}

int run_sweep(const SweepOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  Console& console = session.console();
  const Repository& repository = *session.open(options.name).repository;
  ordered_json clusters = ordered_json::array();
  std::string text;
  int exit = exit_done;
  Progress progress;
  run_shown(progress, console, "what is left goes with the next sweep", [&] {
    for (const std::string& cluster : list_clusters(repository)) {
      if (!options.cluster.empty() && cluster != options.cluster) {
        continue;
      }
      const Swept swept = sweep_one(options, repository, cluster, session, progress, stop);
      clusters.push_back(swept.json);
      text += swept.text;
      for (const std::string& problem : swept.problems) {
        console.warning(cluster + ": " + problem);
        exit = exit_done_with_warnings;
      }
    }
  });
  if (console.json()) {
    console.json_data(ordered_json{{"sweep", {{"dry_run", options.dry_run}, {"clusters", clusters}}}});
  } else {
    console.data(text.empty() ? "nothing is there that could be swept\n" : text);
  }
  return exit;
}
}  // namespace

void add_repo_sweep(CommandLine& line, CLI::App& group) {
  CLI::App& verb = add_verb(group, "sweep", "Remove what no backup needs, and rewrite packs that are mostly dead");
  const auto options = std::make_shared<SweepOptions>();
  verb.add_option("NAME", options->name, "Its name in the configuration");
  verb.add_option("--cluster", options->cluster, "Of one cluster only")->type_name("CLUSTER");
  verb.add_flag("--dry-run", options->dry_run, "Only say what would go");
  verb.add_option("--grace", options->grace, "How long what nobody needs stays for those who are reading it (default 1d)")
      ->type_name("DURATION");
  on_chosen(line, verb, [options](Session& session) { return run_sweep(*options, session); });
}

}  // namespace pgrecall
