#include "service/alerts_api.h"

#include <algorithm>

#include "base/error.h"
#include "service/json_values.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

constexpr unsigned past_shown = 100;
constexpr std::size_t longest_why = 500;
constexpr std::int64_t longest_silence_seconds = 30 * 86400;

bool concerns(const AlertEntry& entry, const std::string& cluster) {
  return cluster.empty() || entry.alert.cluster.empty() || entry.alert.cluster == cluster;
}
}  // namespace

ordered_json to_json(const Silence& silence) {
  return {{"id", silence.id},
          {"cluster", silence.cluster},
          {"alert", text_or_null(silence.alert)},
          {"why", silence.why},
          {"who", silence.who},
          {"created", format_time(silence.created)},
          {"until", format_time(silence.until)}};
}

ordered_json to_json(const AlertEntry& entry) {
  const Alert& alert = entry.alert;
  return {{"name", alert.name},
          {"severity", name(alert.severity)},
          {"state", name(entry.state)},
          {"cluster", text_or_null(alert.cluster)},
          {"subject", text_or_null(alert.subject)},
          {"summary", alert.summary},
          {"action", alert.action},
          {"runbook", alert.runbook},
          {"run", text_or_null(alert.run)},
          {"since", format_time(entry.since)},
          {"told", time_json(entry.told)},
          {"times_told", entry.times_told},
          {"resolved", time_json(entry.resolved)},
          {"silence", entry.silence ? to_json(*entry.silence) : ordered_json(nullptr)},
          {"fingerprint", entry.fingerprint}};
}

ordered_json alerts_json(const Alerts& alerts, const std::string& cluster, AlertScope scope) {
  ordered_json json{{"alerts", ordered_json::array()}, {"silences", ordered_json::array()}};
  for (const AlertEntry& entry : alerts.open()) {
    if (concerns(entry, cluster) && (scope == AlertScope::all || entry.state != AlertState::pending)) {
      json["alerts"].push_back(to_json(entry));
    }
  }
  if (scope == AlertScope::all) {
    for (const AlertEntry& entry : alerts.past(past_shown)) {
      if (concerns(entry, cluster)) {
        json["alerts"].push_back(to_json(entry));
      }
    }
  }
  for (const Silence& silence : alerts.silences()) {
    if (cluster.empty() || silence.cluster == cluster) {
      json["silences"].push_back(to_json(silence));
    }
  }
  return json;
}

std::string alert_in(const ordered_json& json) {
  const ordered_json alert = json.value("alert", ordered_json());
  if (alert.is_null()) {
    return {};
  }
  const auto known = all_conditions();
  if (!alert.is_string() || std::ranges::find(known, alert.get<std::string>()) == known.end()) {
    throw Error(ErrorKind::usage, "there is no such alert", "docs/alerts.md lists what there is").with("alert", alert.dump());
  }
  return alert.get<std::string>();
}

SilenceWish silence_wish_of(const std::string& body) {
  const ordered_json json = ordered_json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("cluster") || !json["cluster"].is_string()) {
    throw Error(ErrorKind::usage, "a silence needs a JSON object with `cluster`, a text");
  }
  SilenceWish wish;
  wish.cluster = json["cluster"].get<std::string>();
  wish.alert = alert_in(json);
  const ordered_json seconds = json.value("seconds", ordered_json());
  if (!seconds.is_number_integer() || seconds.get<std::int64_t>() < 1 || seconds.get<std::int64_t>() > longest_silence_seconds) {
    throw Error(ErrorKind::usage, "a silence needs `seconds`, a whole number from 1 to 2592000 (30 days)");
  }
  wish.span = std::chrono::seconds(seconds.get<std::int64_t>());
  const ordered_json why = json.value("why", ordered_json());
  if (!why.is_string() || why.get<std::string>().empty() || why.get<std::string>().size() > longest_why) {
    throw Error(ErrorKind::usage, "a silence needs `why`, a text of at most 500 bytes",
                "whoever has the next shift wants to know");
  }
  wish.why = why.get<std::string>();
  return wish;
}

}  // namespace pgrecall
