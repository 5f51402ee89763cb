#include "base/error.h"
#include "base/hash.h"
#include "base/host_name.h"
#include "base/wording.h"
#include "commands/alert_delivery.h"
#include "commands/commands.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct TestOptions {
  std::string receiver;
  bool all = false;
};

// One that fires, and the same when it is over. Each test is an alert of its own, so that peers that match messages take both.
std::vector<Notification> test_messages() {
  Notification message;
  message.alert.name = "PgrecallTest";
  message.alert.subject = random_hex(4);
  message.alert.summary =
      "This is a test of the receiver: nothing is wrong. Texts are shown as they are: <b>&amp;</b> *_`~ \"ü\".";
  message.alert.action = "Nothing: a second message follows, which says that it is over.";
  message.fingerprint = fingerprint(message.alert);
  message.told = SystemClock().now();
  message.since = message.told - std::chrono::minutes(1);
  message.host = host_name();
  Notification over = message;
  over.state = Notification::State::resolved;
  over.told += std::chrono::seconds(1);
  over.resolved = over.told;
  over.alert.summary = "This was a test of the receiver: nothing was wrong.";
  return {message, over};
}

std::vector<std::string> chosen(const TestOptions& options, const AlertsConfig& config) {
  std::vector<std::string> names;
  for (const auto& [name, receiver] : config.receivers) {
    names.push_back(name);
  }
  if (options.all) {
    return names;
  }
  if (!config.receivers.contains(options.receiver)) {
    throw Error(ErrorKind::usage, "the configuration has no receiver " + in_quotes(options.receiver),
                suggest(options.receiver, names, "there are"));
  }
  return {options.receiver};
}

ordered_json json_of(const std::vector<Told>& told) {
  ordered_json list = ordered_json::array();
  for (const Told& each : told) {
    list.push_back({{"receiver", each.receiver},
                    {"message", each.message},
                    {"delivered", each.problem.empty()},
                    {"answer", each.answer.empty() ? ordered_json() : ordered_json(each.answer)},
                    {"problem", each.problem.empty() ? ordered_json() : ordered_json(each.problem)}});
  }
  return list;
}

int run_test(const TestOptions& options, Session& session) {
  if (options.all == !options.receiver.empty()) {
    throw Error(ErrorKind::usage, "alert test needs the name of a receiver, or --all", "pgrecall alert test oncall");
  }
  Console& console = session.console();
  const AlertsConfig config = load_config(session.config_path()).config.alerts;
  const std::vector<Told> told = tell(config, chosen(options, config), test_messages());
  bool good = true;
  for (const Told& each : told) {
    good = good && each.problem.empty();
    if (console.json()) {
      continue;
    }
    console.data(each.receiver + ": " + each.message + ": " +
                 printable(each.problem.empty() ? "delivered, the answer was " + each.answer : "not delivered: " + each.problem) +
                 "\n");
  }
  if (console.json()) {
    console.json_data(ordered_json{{"alert_test", json_of(told)}});
  }
  if (told.empty()) {
    console.warning("the configuration names no receiver");
    return exit_done_with_warnings;
  }
  return good ? exit_done : exit_code(ErrorKind::failed);
}
}  // namespace

void add_alert_test(CommandLine& line, CLI::App& group) {
  CLI::App& verb =
      add_verb(group, "test", "Sends a receiver a message that fires and one that it is over, and shows its answers");
  const auto options = std::make_shared<TestOptions>();
  verb.add_option("RECEIVER", options->receiver, "Its name in the configuration");
  verb.add_flag("--all", options->all, "Every receiver");
  on_chosen(line, verb, [options](Session& session) { return run_test(*options, session); });
}

}  // namespace pgrecall
