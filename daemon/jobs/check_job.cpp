#include "jobs/check_job.h"

#include <algorithm>

#include "engine/wal/known_system.h"
#include "jobs/companions.h"
#include "output/table.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;
using State = CheckItem::State;

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
// Nothing where the repository cannot be asked: its own items say so.
std::optional<std::uint64_t> system_of_name(const std::string& cluster, const CheckPlaces& places) {
  try {
    return present_system(places.repository(), cluster);
  } catch (const Error&) {
    return std::nullopt;
  }
}
}  // namespace

CheckedCluster check_cluster(const std::string& cluster, const CheckPlaces& places, const Clock& clock,
                             const std::stop_token& stop) {
  CheckedCluster checked{cluster, {}};
  look_at(checked.items, "connection", [&] { return check_server(places.connection(), system_of_name(cluster, places), stop); });
  Storage storage = Storage::unknown;
  look_at(checked.items, "repository", [&] {
    const Repository& repository = places.repository();
    storage = repository.sealed() ? Storage::sealed : Storage::in_the_clear;
    return check_repository(repository, cluster, clock);
  });
  if (places.configured != nullptr) {
    look_at(checked.items, "companions",
            [&] { return check_companions(*places.configured, storage, places.spool, clock, stop); });
  }
  return checked;
}

JobOutcome outcome_of(const std::vector<CheckedCluster>& all, const Style& style) {
  const State worst = worst_of(all);
  JobOutcome outcome;
  outcome.presence = JobOutcome::Presence::report;
  ordered_json json = ordered_json::array();
  for (const CheckedCluster& checked : all) {
    json.push_back(json_of(checked));
    outcome.text += (outcome.text.empty() ? "" : "\n") + text_of(checked, style);
  }
  outcome.document = {{"state", name(worst)}, {"clusters", json}};
  outcome.exit_code =
      worst == State::good ? exit_done : (worst == State::warning ? exit_done_with_warnings : exit_code(ErrorKind::failed));
  return outcome;
}

}  // namespace pgrecall
