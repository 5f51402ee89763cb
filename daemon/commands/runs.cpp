#include "base/units.h"
#include "client/asking.h"
#include "client/daemon_run.h"
#include "commands/commands.h"
#include "output/run_text.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct RunsOptions {
  std::string cluster;
  std::string follow;
  std::string cancel;
  std::string log;
  unsigned limit = 20;
};

std::string table_of(const ordered_json& runs, const Style& style) {
  Table table({{"RUN"}, {"STATE"}, {"WHY"}, {"STARTED"}, {"TOOK", Table::Align::right}, {"WHAT"}});
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    table.add({{run->at("id").get<std::string>(), Tone::strong},
               {run->at("state").get<std::string>(), tone_of_run(*run)},
               trigger_text(*run),
               started_text(*run),
               took_text(*run),
               what_text(*run)});
  }
  return table.empty() ? "no runs yet\n" : table.render(style);
}

std::string log_text(const ordered_json& answer) {
  std::string out;
  for (const ordered_json& line : answer.at("lines")) {
    out += line.at("time").get<std::string>() + " " + line.at("level").get<std::string>() + " " +
           printable(line.at("text").get<std::string>()) + "\n";
  }
  return out.empty() ? "nothing was logged for this run\n" : out;
}

int show(const ordered_json& answer, const std::string& text, Console& console) {
  console.json() ? console.json_data(answer) : console.data(text);
  return exit_done;
}

int run_runs(const RunsOptions& options, Session& session) {
  const ApiClient daemon = running_daemon(session);
  Console& console = session.console();
  if (!options.follow.empty()) {
    static_cast<void>(session.stop());
    return follow_in_daemon(daemon, options.follow, session);
  }
  if (!options.cancel.empty()) {
    const ordered_json answer = daemon.post("/v1/runs/" + options.cancel + "/cancel", ordered_json::object());
    return show(answer, options.cancel + " was asked to stop\n", console);
  }
  if (!options.log.empty()) {
    const ordered_json answer = daemon.get("/v1/runs/" + options.log + "/log");
    return show(answer, log_text(answer), console);
  }
  const ordered_json answer = daemon.get("/v1/runs?limit=" + std::to_string(options.limit) + "&cluster=" + options.cluster);
  if (answer.at("runs").empty() && !options.cluster.empty()) {
    require_cluster(daemon, options.cluster);  // of one that is gone, the runs are still there
  }
  return show(answer, table_of(answer.at("runs"), console.style()), console);
}
}  // namespace

void add_runs(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "runs", "What the daemon has run, runs and will run next; follow or cancel one");
  const auto options = std::make_shared<RunsOptions>();
  verb.add_option("CLUSTER", options->cluster, "One cluster only")->check([](const std::string& text) {
    return valid_config_name(text) ? std::string() : "that is no name of a cluster";
  });
  verb.add_option("--limit", options->limit, "How many, the newest (default 20)")->type_name("N")->check(CLI::Range(1U, 1000U));
  CLI::Option* follow = verb.add_option("--follow", options->follow, "Show how this run goes, to its end")->type_name("RUN");
  CLI::Option* cancel = verb.add_option("--cancel", options->cancel, "Ask this run to stop")->type_name("RUN");
  CLI::Option* log = verb.add_option("--log", options->log, "What was logged for this run")->type_name("RUN");
  for (CLI::Option* option : {follow, cancel, log}) {
    option->check([](const std::string& text) {
      const bool good =
          text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
      return good ? std::string() : "that is no id of a run; pgrecall runs lists them";
    });
  }
  follow->excludes(cancel)->excludes(log);
  cancel->excludes(log);
  on_chosen(line, verb, [options](Session& session) { return run_runs(*options, session); });
}

}  // namespace pgrecall
