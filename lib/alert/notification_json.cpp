#include "alert/notification_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pgrecall {

namespace {
using nlohmann::json;

std::int64_t micros(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t micros) { return Time(std::chrono::microseconds(micros)); }
}  // namespace

std::string_view name(Notification::State state) noexcept {
  return state == Notification::State::resolved ? "resolved" : "firing";
}

std::string to_stored(const Notification& notification) {
  const Alert& alert = notification.alert;
  json stored{{"state", name(notification.state)},
              {"name", alert.name},
              {"severity", name(alert.severity)},
              {"cluster", alert.cluster},
              {"subject", alert.subject},
              {"summary", alert.summary},
              {"action", alert.action},
              {"runbook", alert.runbook},
              {"run", alert.run},
              {"fingerprint", notification.fingerprint},
              {"since", micros(notification.since)},
              {"told", micros(notification.told)},
              {"repeated", notification.repeated},
              {"host", notification.host}};
  if (notification.resolved) {
    stored["resolved"] = micros(*notification.resolved);
  }
  // Texts come from servers and file systems: bytes that are no UTF-8 must not keep an alert from being told.
  return stored.dump(-1, ' ', false, json::error_handler_t::replace);
}

Notification notification_of(const std::string& stored) {
  Notification notification;
  try {
    const json read = json::parse(stored);
    Alert& alert = notification.alert;
    notification.state = read.value("state", "") == "resolved" ? Notification::State::resolved : Notification::State::firing;
    alert.name = read.value("name", "");
    alert.severity = parse_severity(read.value("severity", "")).value_or(Severity::warning);
    alert.cluster = read.value("cluster", "");
    alert.subject = read.value("subject", "");
    alert.summary = read.value("summary", "");
    alert.action = read.value("action", "");
    alert.runbook = read.value("runbook", "");
    alert.run = read.value("run", "");
    notification.fingerprint = read.value("fingerprint", "");
    notification.since = time_of(read.value("since", std::int64_t{0}));
    notification.told = time_of(read.value("told", std::int64_t{0}));
    notification.repeated = read.value("repeated", false);
    notification.host = read.value("host", "");
    if (read.contains("resolved")) {
      notification.resolved = time_of(read["resolved"].get<std::int64_t>());
    }
  } catch (const json::exception& error) {
    throw Error(ErrorKind::corruption, "a message in the outbox cannot be read").caused_by(error);
  }
  return notification;
}

}  // namespace pgrecall
