#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "alert/conditions.h"
#include "alert/format/formats.h"
#include "alert/format/text.h"
#include "alert/format/wording.h"
#include "alert/notification_json.h"
#include "base/bytes.h"
#include "base/error.h"

// PagerDuty, Alertmanager and webhooks.

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

bool firing(const Notification& notification) { return notification.state == Notification::State::firing; }

ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); }

// The label under which our metrics, and so our Prometheus rules, have what an alert is about.
std::string subject_label(const std::string& alert_name) {
  if (alert_name == condition::receiver_failing) {
    return "receiver";
  }
  if (alert_name == condition::repository_filling || alert_name == condition::repository_space_low) {
    return "repository";
  }
  if (alert_name == condition::credential_expiring) {
    return "credential";
  }
  return alert_name == condition::run_failed || alert_name == condition::runs_missed ? "job" : "subject";
}
}  // namespace

ordered_json pagerduty_event(const Notification& notification, const Secret& routing_key) {
  const Alert& alert = notification.alert;
  ordered_json event{{"routing_key", routing_key.reveal()},
                     {"event_action", firing(notification) ? "trigger" : "resolve"},
                     {"dedup_key", fit(notification.fingerprint, 255)}};
  if (!firing(notification)) {
    return event;
  }
  const Wording wording = wording_of(notification);
  const std::string where = alert.cluster.empty() ? "" : clean(alert.cluster) + ": ";
  ordered_json details{{"what_happened", fit(wording.summary, 10'000)},
                       {"what_to_do", fit(wording.action, 10'000)},
                       {"look_closer", fit(wording.command, 1000)},
                       {"runbook", fit(wording.runbook, 1000)}};
  for (const auto& [label, value] : wording.facts) {
    details[label] = fit(value, 1000);
  }
  event["client"] = "pgrecall";
  event["payload"] = {{"summary", fit(where + clean(alert.summary.empty() ? alert.name : alert.summary), 1024)},
                      {"source", fit(notification.host.empty() ? "pgrecall" : clean(notification.host), 255)},
                      {"severity", alert.severity == Severity::critical ? "critical" : "warning"},
                      {"timestamp", format_time(notification.since)},
                      {"class", fit(clean(alert.name), 255)},
                      {"component", fit(alert.cluster.empty() ? "pgrecall" : clean(alert.cluster), 255)},
                      {"group", "pgrecall"},
                      {"custom_details", details}};
  if (wording.runbook_is_link) {
    event["links"] = ordered_json::array({{{"href", wording.runbook}, {"text", "Runbook"}}});
  }
  return event;
}

ordered_json alertmanager_alerts(const Notification& notification, std::chrono::milliseconds valid_for) {
  const Alert& alert = notification.alert;
  const Wording wording = wording_of(notification);
  ordered_json labels{{"alertname", clean(alert.name)}, {"severity", name(alert.severity)}};
  const auto label = [&labels](const std::string& key, const std::string& value) {
    if (!value.empty()) {  // Alertmanager takes no empty ones
      labels[key] = fit(clean(value), 500);
    }
  };
  label("cluster", alert.cluster);
  label(subject_label(alert.name), alert.subject);
  label("instance", notification.host);
  ordered_json annotations{{"summary", fit(wording.summary, 4000)}};
  const auto annotation = [&annotations](const char* key, const std::string& value) {
    if (!value.empty()) {
      annotations[key] = fit(value, 4000);
    }
  };
  annotation("description", clean(alert.action, Lines::several));
  annotation("command", wording.command);
  annotation("runbook_url", wording.runbook);
  annotation("run", clean(alert.run));
  const Time end = firing(notification) ? notification.told + valid_for : notification.resolved.value_or(notification.told);
  ordered_json one{{"labels", labels},
                   {"annotations", annotations},
                   {"startsAt", format_time(notification.since)},
                   // An end that is not behind the start is refused; whole seconds may make them equal.
                   {"endsAt", format_time(std::max(end, Time(notification.since + std::chrono::seconds(1))))}};
  if (wording.runbook_is_link) {
    one["generatorURL"] = wording.runbook;
  }
  return ordered_json::array({one});
}

std::string message_id(const Notification& notification) {
  return notification.fingerprint + "-" + std::string(name(notification.state)) + "-" + format_compact_time(notification.told);
}

ordered_json webhook_message(const Notification& notification) {
  const Alert& alert = notification.alert;
  const Wording wording = wording_of(notification);
  ordered_json lasted;
  if (notification.resolved) {
    lasted = std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::seconds>(*notification.resolved - notification.since).count());
  }
  return {{"version", 1},
          {"id", message_id(notification)},
          {"state", name(notification.state)},
          {"repeated", notification.repeated},
          {"fingerprint", notification.fingerprint},
          {"name", clean(alert.name)},
          {"severity", name(alert.severity)},
          {"cluster", text_or_null(clean(alert.cluster))},
          {"subject", text_or_null(clean(alert.subject))},
          {"title", wording.title},
          {"summary", wording.summary},
          {"action", text_or_null(wording.action)},
          {"command", text_or_null(wording.command)},
          {"runbook", text_or_null(wording.runbook)},
          {"run", text_or_null(clean(alert.run))},
          {"host", clean(notification.host)},
          {"since", format_time(notification.since)},
          {"resolved", notification.resolved ? ordered_json(format_time(*notification.resolved)) : ordered_json()},
          {"lasted_seconds", lasted},
          {"told", format_time(notification.told)}};
}

TemplateValues template_values(const Notification& notification) {
  const Wording wording = wording_of(notification);
  const ordered_json message = webhook_message(notification);
  TemplateValues values;
  for (const std::string& key : template_texts()) {
    const auto found = message.find(key);
    values.texts[key] = found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  values.texts["text"] = plain_text(wording);
  values.texts["lasted"] = wording.lasted;
  values.texts["resolved_at"] = notification.resolved ? format_time(*notification.resolved) : std::string();
  values.flags = {{"firing", firing(notification)},
                  {"resolved", !firing(notification)},
                  {"repeated", notification.repeated},
                  {"critical", notification.alert.severity == Severity::critical},
                  {"warning", notification.alert.severity == Severity::warning}};
  return values;
}

std::string webhook_signature(const Secret& key, const std::string& timestamp, const std::string& body) {
  const std::string text = timestamp + "." + body;
  std::array<std::byte, 32> digest{};
  unsigned length = 0;
  const auto* made = HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                          reinterpret_cast<unsigned char*>(digest.data()), &length);
  if (made == nullptr || length != digest.size()) {
    throw Error(ErrorKind::failed, "OpenSSL cannot sign a message");
  }
  return "v1=" + to_hex(digest);
}

}  // namespace pgrecall
