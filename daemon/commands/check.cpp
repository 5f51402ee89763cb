#include "engine/check.h"

#include <algorithm>

#include "commands/commands.h"
#include "output/table.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;
using State = CheckItem::State;

struct CheckOptions {
  std::string cluster;
  std::string connection;
};

struct CheckedCluster {
  std::string cluster;
  std::vector<CheckItem> items;
};

CheckItem item_of(const std::string& what, const Error& error) { return {State::bad, what, error.what(), error.hint()}; }

// What cannot even be looked at is an item too, so that one broken part does not hide the state of the others.
template <typename Look>
void look_at(std::vector<CheckItem>& items, const std::string& what, Look look) {
  try {
    const std::vector<CheckItem> found = look();
    items.insert(items.end(), found.begin(), found.end());
  } catch (const Error& error) {
    const ErrorKind kind = error.kind();
    if (kind == ErrorKind::usage || kind == ErrorKind::cancelled) {
      throw;
    }
    items.push_back(item_of(what, error));
  }
}

CheckedCluster check_one(const std::string& cluster, const CheckOptions& options, Session& session, const std::stop_token& stop) {
  CheckedCluster checked{cluster, {}};
  look_at(checked.items, "connection", [&] { return check_server(session.connection(cluster, options.connection), stop); });
  look_at(checked.items, "repository",
          [&] { return check_repository(session.repository_of(cluster), cluster, session.clock()); });
  return checked;
}

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

std::string_view name(State state) noexcept {
  switch (state) {
    case State::good: return "good";
    case State::warning: return "warning";
    case State::bad: break;
  }
  return "bad";
}

Tone tone_of(State state) noexcept {
  switch (state) {
    case State::good: return Tone::good;
    case State::warning: return Tone::warning;
    case State::bad: break;
  }
  return Tone::bad;
}

ordered_json json_of(const CheckedCluster& checked) {
  ordered_json json{{"cluster", checked.cluster}, {"items", ordered_json::array()}};
  for (const CheckItem& item : checked.items) {
    json["items"].push_back({{"state", name(item.state)}, {"what", item.what}, {"detail", item.detail}, {"hint", item.hint}});
  }
  return json;
}

std::string text_of(const CheckedCluster& checked, const Style& style) {
  Table table({{"STATE"}, {"WHAT"}, {"FOUND"}});
  for (const CheckItem& item : checked.items) {
    table.add({{std::string(name(item.state)), tone_of(item.state)}, item.what, item.detail});
    if (!item.hint.empty()) {
      table.add({"", "", {"hint: " + item.hint, Tone::strong}});
    }
  }
  return style.paint(Tone::strong, checked.cluster) + "\n" + table.render(style);
}

State worst_of(const std::vector<CheckedCluster>& all) {
  State worst = State::good;
  for (const CheckedCluster& checked : all) {
    for (const CheckItem& item : checked.items) {
      worst = std::max(worst, item.state);
    }
  }
  return worst;
}

int run_check(const CheckOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  // An invalid file ends the check; a secret that it names and that is not there is one cluster's item.
  static_cast<void>(session.config());
  std::vector<CheckedCluster> all;
  for (const std::string& cluster : clusters_of(options, session)) {
    all.push_back(check_one(cluster, options, session, stop));
  }
  const State worst = worst_of(all);
  Console& console = session.console();
  ordered_json json = ordered_json::array();
  std::string out;
  for (const CheckedCluster& checked : all) {
    json.push_back(json_of(checked));
    out += (out.empty() ? "" : "\n") + text_of(checked, console.style());
  }
  if (console.json()) {
    console.json_data(ordered_json{{"state", name(worst)}, {"clusters", json}});
  } else {
    console.data(out);
  }
  return worst == State::good ? exit_done : (worst == State::warning ? exit_done_with_warnings : exit_code(ErrorKind::failed));
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
