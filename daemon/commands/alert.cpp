#include "commands/alert.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/error.h"
#include "commands/commands.h"
#include "http/http_post.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct Delivery {
  std::string receiver;
  std::string problem;  // empty: it was delivered
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : printable(value);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
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

std::string failure_text(const std::string& unit, const Config& config) {
  std::string clusters;
  for (const auto& [name, cluster] : config.clusters) {
    clusters += (clusters.empty() ? "" : ", ") + name;
  }
  return unit + " failed on " + host_name() + reason_of_failure() +
         ". Until it runs again, no WAL is received and no backup is taken" + (clusters.empty() ? "" : " of " + clusters) +
         ". Look at: systemctl status " + unit + "; journalctl -u " + unit + " -n 100";
}

// Nothing when it was delivered.
std::string post_to_slack(const std::string& name, const ReceiverConfig& receiver, const std::string& text) {
  constexpr std::chrono::seconds timeout(20);
  try {
    const Secret url = read_secret(receiver.url, "webhook of receiver " + name);
    const ordered_json message{{"text", text}};
    const HttpReply reply = http_post(url, "application/json", message.dump(), timeout);
    return reply.good() ? ""
                        : "the webhook answered " + std::to_string(reply.status) + ": " + shorten(printable(reply.body), 200);
  } catch (const Error& error) {
    return error.what();  // the other receivers are told all the same
  }
}

int report_deliveries(const std::string& text, const std::vector<Delivery>& deliveries, Console& console) {
  ordered_json list = ordered_json::array();
  bool any = false;
  for (const Delivery& delivery : deliveries) {
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
  const std::string text = failure_text(printable(unit), found.config);
  if (!console.json()) {
    console.data(text + "\n");
  }
  std::vector<Delivery> deliveries;
  for (const auto& [name, receiver] : found.config.alerts.receivers) {
    deliveries.push_back({name, post_to_slack(name, receiver, text)});
  }
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
}

}  // namespace pgrecall
