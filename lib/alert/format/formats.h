#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "alert/alert.h"
#include "base/secret.h"
#include "template/message_template.h"

// What each kind of receiver is sent. Pure; each within the limits that its peer documents, whatever the texts are. JSON of these
// is dumped as it is: texts are valid UTF-8.

namespace pgrecall {

// https://docs.slack.dev/reference/block-kit/blocks: at most 50 blocks, 150 characters in a header, 3000 in the text of a
// section, 10 elements of a context. https://docs.slack.dev/messaging/formatting-message-text: & < > as entities.
[[nodiscard]] nlohmann::ordered_json slack_message(const Notification& notification);

// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook: an adaptive card in a
// message, 28 KB in all.
[[nodiscard]] nlohmann::ordered_json teams_message(const Notification& notification);

// https://discord.com/developers/docs/resources/message#embed-object-embed-limits: title 256, description 4096, 25 fields of 256
// and 1024, footer 2048, 6000 in all; content 2000. Nobody is mentioned.
[[nodiscard]] nlohmann::ordered_json discord_message(const Notification& notification);

// https://developer.pagerduty.com/docs/send-alert-event: event_action trigger and resolve, dedup_key at most 255 characters,
// summary 1024, severity critical, error, warning or info; 512 KB in all.
[[nodiscard]] nlohmann::ordered_json pagerduty_event(const Notification& notification, const Secret& routing_key);

// https://prometheus.io/docs/alerting/latest/clients/ and Alertmanager's api/v2/openapi.yaml. Labels are those of our Prometheus
// rules. What fires ends by itself when it is not told again until `valid_for` has passed, as when the daemon is gone.
[[nodiscard]] nlohmann::ordered_json alertmanager_alerts(const Notification& notification, std::chrono::milliseconds valid_for);

// docs/alert-webhook.md.
[[nodiscard]] nlohmann::ordered_json webhook_message(const Notification& notification);
// The same for a template.
[[nodiscard]] TemplateValues template_values(const Notification& notification);
// "v1=" and 64 hexadecimal digits: HMAC-SHA256 of the timestamp, a dot, and the body.
[[nodiscard]] std::string webhook_signature(const Secret& key, const std::string& timestamp, const std::string& body);
// Tells one message from every other, and is the same each time that it is sent.
[[nodiscard]] std::string message_id(const Notification& notification);

// A mail by RFC 5322, lines ended by CRLF, 7 bits: plain text and HTML alike (RFC 2046, section 5.1.4). Messages of one alert
// refer to the first one, so that mail programs show them as one thread.
[[nodiscard]] std::string mail_message(const Notification& notification, const std::string& from,
                                       const std::vector<std::string>& to);

}  // namespace pgrecall
