#include "client/asking.h"
#include "commands/alert.h"
#include "commands/commands.h"
#include "output/alert_text.h"

namespace pgrecall {

namespace {
struct ListOptions {
  std::string cluster;
  bool all = false;
};

int run_list(const ListOptions& options, Session& session) {
  const ApiClient daemon = running_daemon(session);
  if (!options.cluster.empty()) {
    require_cluster(daemon, options.cluster);
  }
  const auto answer = daemon.get("/v1/alerts?cluster=" + options.cluster + (options.all ? "&scope=all" : ""));
  Console& console = session.console();
  if (console.json()) {
    console.json_data(answer);
  } else {
    const std::string text = alerts_text(answer.at("alerts"), console.style());
    console.data((text.empty() ? "no alerts\n" : text) + silences_text(answer.at("silences"), console.style()));
  }
  for (const auto& alert : answer.at("alerts")) {
    if (alert.at("state") == "firing" || alert.at("state") == "settling") {
      return exit_done_with_warnings;
    }
  }
  return exit_done;
}
}  // namespace

void add_alert_list(CommandLine& line, CLI::App& alert) {
  CLI::App& verb = add_verb(alert, "list", "What is wrong now, and what to do about it");
  const auto options = std::make_shared<ListOptions>();
  verb.add_option("CLUSTER", options->cluster, "One cluster only");
  verb.add_flag("--all", options->all, "Also what may pass by itself, and the last 100 that are over");
  on_chosen(line, verb, [options](Session& session) { return run_list(*options, session); });
}

}  // namespace pgrecall
