#include "base/units.h"
#include "client/asking.h"
#include "commands/alert.h"
#include "commands/commands.h"
#include "output/alert_text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct SilenceOptions {
  std::string cluster;
  std::string alert;
  std::string span;
  std::string why;
  bool end = false;
};

std::int64_t seconds_of(const std::string& text) {
  const auto span = parse_duration(text);
  if (!span || *span < std::chrono::seconds(1)) {
    throw Error(ErrorKind::usage, "this is no time to be silent for", "write it as 2h, 90m or 1d").with("--for", text);
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*span).count();
}

int run_silence(const SilenceOptions& options, Session& session) {
  Console& console = session.console();
  const ordered_json alert = options.alert.empty() ? ordered_json(nullptr) : ordered_json(options.alert);
  if (options.end) {
    const ApiClient daemon = running_daemon(session);
    require_cluster(daemon, options.cluster);
    const ordered_json answer = daemon.post("/v1/silences/end", {{"cluster", options.cluster}, {"alert", alert}});
    if (console.json()) {
      console.json_data(answer);
    } else {
      console.data(
          (options.alert.empty() ? "alerts of " + options.cluster + " are" : options.alert + " of " + options.cluster + " is") +
          " told again\n");
    }
    return exit_done;
  }
  if (options.span.empty() || options.why.empty()) {
    throw Error(ErrorKind::usage, "a silence needs --for and --why",
                "as in: pgrecall alert silence " + options.cluster + " --for 2h --why \"moving to the new host\"");
  }
  const ordered_json answer = running_daemon(session).post(
      "/v1/silences",
      {{"cluster", options.cluster}, {"alert", alert}, {"seconds", seconds_of(options.span)}, {"why", options.why}});
  if (console.json()) {
    console.json_data(answer);
  } else {
    console.data(silences_text(ordered_json::array({answer.at("silence")}), console.style()));
  }
  return exit_done;
}
}  // namespace

void add_alert_silence(CommandLine& line, CLI::App& alert) {
  CLI::App& verb = add_verb(alert, "silence", "Tells nobody of a cluster's alerts for a while; they are still listed");
  const auto options = std::make_shared<SilenceOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_option("--alert", options->alert, "Alerts of this name alone, as PgrecallWindowBroken")->type_name("NAME");
  CLI::Option* span = verb.add_option("--for", options->span, "For how long, as 2h; at most 30d")->type_name("TIME");
  verb.add_option("--why", options->why, "Why, for whoever has the next shift")->type_name("TEXT");
  verb.add_flag("--end", options->end, "End it now")->excludes(span);
  on_chosen(line, verb, [options](Session& session) { return run_silence(*options, session); });
}

}  // namespace pgrecall
