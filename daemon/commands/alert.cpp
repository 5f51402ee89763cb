#include "commands/alert.h"

#include <cstdlib>

#include "alert/conditions.h"
#include "base/error.h"
#include "base/host_name.h"
#include "commands/alert_delivery.h"
#include "commands/commands.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : printable(value);
}

// What systemd (251 and later) tells a unit that it starts because another failed.
std::string reason_of_failure() {
  const std::string result = variable("MONITOR_SERVICE_RESULT");
  if (result.empty()) {
    return "";
  }
  const std::string code = variable("MONITOR_EXIT_CODE");
  const std::string status = variable("MONITOR_EXIT_STATUS");
  return " (" + result + (code.empty() ? "" : ": " + code + " " + status) + ")";
}

std::string clusters_of(const Config& config) {
  std::string clusters;
  for (const auto& [name, cluster] : config.clusters) {
    clusters += (clusters.empty() ? "" : ", ") + name;
  }
  return clusters;
}

Notification failure_of(const std::string& unit, const Config& config) {
  const std::string clusters = clusters_of(config);
  Notification message;
  message.alert.name = "PgrecallDown";
  message.alert.severity = Severity::critical;
  message.alert.subject = unit;
  message.alert.summary = unit + " failed on " + host_name() + reason_of_failure() +
                          ". Until it runs again, no WAL is received and no backup is taken" +
                          (clusters.empty() ? "" : " of " + clusters) + ".";
  message.alert.action = "Look at: systemctl status " + unit + "; journalctl -u " + unit + " -n 100";
  message.alert.runbook = runbook_address(config.alerts.runbook_url, message.alert.name);
  message.fingerprint = fingerprint(message.alert);
  message.since = SystemClock().now();
  message.told = message.since;
  message.host = host_name();
  return message;
}

int report_deliveries(const std::string& text, const std::vector<Told>& deliveries, Console& console) {
  ordered_json list = ordered_json::array();
  bool any = false;
  for (const Told& delivery : deliveries) {
    const bool delivered = delivery.problem.empty();
    any = any || delivered;
    list.push_back({{"receiver", delivery.receiver},
                    {"delivered", delivered},
                    {"problem", delivered ? ordered_json() : ordered_json(delivery.problem)}});
    if (delivered) {
      console.message("told receiver " + delivery.receiver);
    } else {
      console.warning("receiver " + delivery.receiver + " could not be told: " + delivery.problem);
    }
  }
  if (deliveries.empty()) {
    console.warning("the configuration names no receiver that could be told");
  }
  if (console.json()) {
    console.json_data(ordered_json{{"alert", {{"text", text}, {"receivers", list}}}});
  }
  return any ? exit_done : (deliveries.empty() ? exit_done_with_warnings : exit_code(ErrorKind::failed));
}

int run_failure(const std::string& unit, Session& session) {
  Console& console = session.console();
  // A configuration with errors may be the very reason of the failure: what of it can be read is used.
  const ConfigCheck found = check_config(session.config_path());
  for (const Problem& problem : found.errors) {
    console.warning(to_string(problem));
  }
  const Notification message = failure_of(printable(unit), found.config);
  const std::string text = message.alert.summary + " " + message.alert.action;
  if (!console.json()) {
    console.data(text + "\n");
  }
  std::vector<std::string> receivers;
  for (const auto& [name, receiver] : found.config.alerts.receivers) {
    receivers.push_back(name);
  }
  const std::vector<Told> deliveries = receivers.empty() ? std::vector<Told>() : tell(found.config.alerts, receivers, {message});
  return report_deliveries(text, deliveries, console);
}
}  // namespace

void add_alert(CommandLine& line) {
  CLI::App& group = add_group(line, "alert", "Alerts");
  add_alert_list(line, group);
  add_alert_silence(line, group);
  CLI::App& verb =
      add_verb(group, "failure", "Tells every receiver that a systemd unit failed; for OnFailure=, without the daemon");
  const auto unit = std::make_shared<std::string>();
  verb.add_option("UNIT", *unit, "The unit")->required();
  on_chosen(line, verb, [unit](Session& session) { return run_failure(*unit, session); });
  add_alert_test(line, group);
}

}  // namespace pgrecall
