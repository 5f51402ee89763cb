#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/secret_source.h"
#include "schedule/off_peak.h"

// Who is told of alerts, when and how: the section `alerts`. Plain values.

namespace pgrecall {

struct ReceiverConfig {
  enum class Kind { slack, teams, discord, pagerduty, alertmanager, webhook, email };
  enum class Encryption { starttls, tls, none };  // of SMTP
  Kind kind = Kind::slack;
  SecretSource url;                          // slack, teams, discord, alertmanager, webhook; pagerduty has one of its own
  SecretSource routing_key;                  // pagerduty
  SecretSource signing_key;                  // webhook: of the HMAC; may be absent
  SecretSource token;                        // webhook, alertmanager: for "Authorization: Bearer"; may be absent
  std::optional<std::string> template_file;  // webhook: absolute path of a mustache template
  std::optional<std::string> content_type;   // webhook with a template
  std::optional<std::string> server;         // email: "mail.example.com:587"
  std::optional<std::string> from;
  std::vector<std::string> to;
  Encryption encryption = Encryption::starttls;
  std::optional<std::string> user;
  SecretSource password;
  std::optional<std::string> ca_file;  // absolute; unset: the system's certificates
  std::chrono::milliseconds timeout = std::chrono::seconds(20);
};

// Whom an alert that fits goes to. What a list does not name (is empty) fits all.
struct RouteConfig {
  enum class Severities { warning, critical };
  std::optional<Severities> severity;
  std::vector<std::string> clusters;
  std::vector<std::string> alerts;  // "PgrecallRunFailed"
  std::vector<std::string> receivers;
};

// When warnings wait. What is critical never does.
struct QuietHoursConfig {
  enum class Warnings { wait, summary };
  std::optional<OffPeak> hours;  // in `timezone`; unset: there are none
  std::string timezone = "UTC";
  Warnings warnings = Warnings::wait;
};

// An address that somebody else watches: who no longer hears from us raises the alarm.
struct HeartbeatConfig {
  enum class On { healthy, runs };
  On on = On::healthy;
  SecretSource url;
  std::vector<std::string> clusters;  // empty: all
  std::vector<std::string> jobs;      // of runs; empty: all
  std::chrono::milliseconds interval = std::chrono::minutes(1);
  std::optional<std::string> ca_file;
};

struct AlertsConfig {
  std::map<std::string, ReceiverConfig> receivers;
  std::map<std::string, RouteConfig> routes;
  QuietHoursConfig quiet_hours;
  std::chrono::milliseconds hold = std::chrono::minutes(2);
  std::chrono::milliseconds settle = std::chrono::minutes(5);
  std::chrono::milliseconds remember = std::chrono::hours(1);
  std::chrono::milliseconds repeat_interval = std::chrono::hours(4);
  std::chrono::milliseconds give_up_after = std::chrono::hours(24);
  std::string runbook_url = "file:///usr/share/doc/pgrecall/runbooks";
  std::map<std::string, HeartbeatConfig> heartbeats;
};

}  // namespace pgrecall
