#include "config/keys.h"

namespace pgrecall {

namespace {
using Kind = ValueType::Kind;
using Presence = KeyInfo::Presence;

void visit_transport(KeyVisitor& keys, ReceiverConfig& receiver) {
  keys.value({"ca_file", "File of the certificates (PEM) that the receiver's is checked by; where absent, the system's."},
             text_value(Kind::path, receiver.ca_file));
  keys.value({"timeout", "How long one attempt may take."}, duration_value(receiver.timeout));
}

void visit_secrets(KeyVisitor& keys, ReceiverConfig& receiver) {
  keys.value({"url", "Address of the webhook or Alertmanager, here in the open. Better: one of the next three."},
             secret_value(receiver.url.literal));
  keys.value({"url_file", "File that holds the address."}, text_value(Kind::path, receiver.url.file));
  keys.value({"url_env", "Environment variable that holds the address."}, text_value(Kind::variable, receiver.url.environment));
  keys.value({"url_credential", "systemd credential that holds the address."},
             text_value(Kind::credential, receiver.url.credential));
  keys.value({"routing_key", "pagerduty: integration key of Events API v2, here in the open. Better: one of the next three."},
             secret_value(receiver.routing_key.literal));
  keys.value({"routing_key_file", "File that holds the integration key."}, text_value(Kind::path, receiver.routing_key.file));
  keys.value({"routing_key_env", "Environment variable that holds the integration key."},
             text_value(Kind::variable, receiver.routing_key.environment));
  keys.value({"routing_key_credential", "systemd credential that holds the integration key."},
             text_value(Kind::credential, receiver.routing_key.credential));
  keys.value({"token", "webhook, alertmanager: bearer token, here in the open. Better: one of the next three."},
             secret_value(receiver.token.literal));
  keys.value({"token_file", "File that holds the bearer token."}, text_value(Kind::path, receiver.token.file));
  keys.value({"token_env", "Environment variable that holds the bearer token."},
             text_value(Kind::variable, receiver.token.environment));
  keys.value({"token_credential", "systemd credential that holds the bearer token."},
             text_value(Kind::credential, receiver.token.credential));
}

void visit_webhook(KeyVisitor& keys, ReceiverConfig& receiver) {
  keys.value({"signing_key", "webhook: key of the signature, here in the open. Better: one of the next three."},
             secret_value(receiver.signing_key.literal));
  keys.value({"signing_key_file", "File that holds the key of the signature."},
             text_value(Kind::path, receiver.signing_key.file));
  keys.value({"signing_key_env", "Environment variable that holds the key of the signature."},
             text_value(Kind::variable, receiver.signing_key.environment));
  keys.value({"signing_key_credential", "systemd credential that holds the key of the signature."},
             text_value(Kind::credential, receiver.signing_key.credential));
  keys.value({"template", "webhook: mustache template of the body; where absent, the JSON of docs/alert-webhook.md."},
             text_value(Kind::path, receiver.template_file));
  keys.value({"content_type", "webhook: Content-Type of the template's body; application/json where absent."},
             text_value(Kind::text, receiver.content_type));
}

void visit_email(KeyVisitor& keys, ReceiverConfig& receiver) {
  keys.value({"server", "email: SMTP server and port, as mail.example.com:587."}, text_value(Kind::server, receiver.server));
  keys.value({"from", "email: sender."}, text_value(Kind::mail_address, receiver.from));
  keys.value({"to", "email: recipients."}, list_value(Kind::mail_address, receiver.to));
  keys.value({"encryption", "email: STARTTLS, TLS from the first byte, or none."},
             choice_value(receiver.encryption, {"starttls", "tls", "none"}));
  keys.value({"user", "email: user at the server; no authentication where absent."}, text_value(Kind::text, receiver.user));
  keys.value({"password", "email: password, here in the open. Better: one of the next three."},
             secret_value(receiver.password.literal));
  keys.value({"password_file", "File that holds the password."}, text_value(Kind::path, receiver.password.file));
  keys.value({"password_env", "Environment variable that holds the password."},
             text_value(Kind::variable, receiver.password.environment));
  keys.value({"password_credential", "systemd credential that holds the password."},
             text_value(Kind::credential, receiver.password.credential));
}

void visit_receiver(KeyVisitor& keys, ReceiverConfig& receiver) {
  keys.value({"kind", "What the receiver is: docs/receivers.md.", Presence::required},
             choice_value(receiver.kind, {"slack", "teams", "discord", "pagerduty", "alertmanager", "webhook", "email"}));
  visit_secrets(keys, receiver);
  visit_webhook(keys, receiver);
  visit_email(keys, receiver);
  visit_transport(keys, receiver);
}

void visit_route(KeyVisitor& keys, RouteConfig& route) {
  keys.value({"severity", "Alerts of this severity alone; all where absent."},
             choice_value(route.severity, {"warning", "critical"}));
  keys.value({"clusters", "Alerts of these clusters alone; all where absent."}, list_value(Kind::name, route.clusters));
  keys.value({"alerts", "These alerts alone; all where absent."}, list_value(Kind::alert, route.alerts));
  keys.value({"receivers", "Whom they go to.", Presence::required}, list_value(Kind::name, route.receivers));
}

void visit_quiet_hours(KeyVisitor& keys, QuietHoursConfig& quiet) {
  keys.value({"hours", "When warnings wait; what is critical never does. No such hours where absent."},
             day_span_value(quiet.hours));
  keys.value({"timezone", "Time zone of these hours."}, text_value(Kind::timezone, quiet.timezone));
  keys.value({"warnings", "What becomes of warnings afterwards: wait sends each, summary sends one message for all."},
             choice_value(quiet.warnings, {"wait", "summary"}));
}

void visit_heartbeat(KeyVisitor& keys, HeartbeatConfig& heartbeat) {
  keys.value({"on",
              "healthy: every interval while every cluster meets its targets. runs: at the start (/start), success and failure "
              "(/fail) of each run."},
             choice_value(heartbeat.on, {"healthy", "runs"}));
  keys.value({"url", "Address to be called, here in the open. Better: one of the next three."},
             secret_value(heartbeat.url.literal));
  keys.value({"url_file", "File that holds the address."}, text_value(Kind::path, heartbeat.url.file));
  keys.value({"url_env", "Environment variable that holds the address."}, text_value(Kind::variable, heartbeat.url.environment));
  keys.value({"url_credential", "systemd credential that holds the address."},
             text_value(Kind::credential, heartbeat.url.credential));
  keys.value({"clusters", "These clusters alone; all where absent."}, list_value(Kind::name, heartbeat.clusters));
  keys.value({"jobs", "runs: these jobs alone, as daily; all where absent."}, list_value(Kind::name, heartbeat.jobs));
  keys.value({"interval", "healthy: how often it is called."}, duration_value(heartbeat.interval));
  keys.value({"ca_file", "File of the certificates (PEM) that the server's is checked by; where absent, the system's."},
             text_value(Kind::path, heartbeat.ca_file));
}
}  // namespace

void visit_alerts(AlertsConfig& alerts, KeyVisitor& keys) {
  keys.named_sections({"receivers", "Whom alerts are sent to."},
                      named_sections_of<ReceiverConfig>(alerts.receivers, visit_receiver));
  keys.named_sections(
      {"routes", "Which alerts go to whom: to the receivers of every route that fits, and to all receivers where none does."},
      named_sections_of<RouteConfig>(alerts.routes, visit_route));
  keys.section({"quiet_hours", "When warnings wait."},
               [&alerts](KeyVisitor& inner) { visit_quiet_hours(inner, alerts.quiet_hours); });
  keys.value({"hold", "How long something that often passes by itself must last before it is told."},
             duration_value(alerts.hold));
  keys.value({"settle", "How long something that comes and goes must stay away before it is told to be over."},
             duration_value(alerts.settle));
  keys.value({"remember", "How long something that happened once, as a clock that jumped, is told of."},
             duration_value(alerts.remember));
  keys.value({"repeat_interval", "How long after it was told an alert that still fires is told again."},
             duration_value(alerts.repeat_interval));
  keys.value({"give_up_after", "How long a receiver that cannot be told is tried."}, duration_value(alerts.give_up_after));
  keys.value({"runbook_url", "Where the runbooks are: what alerts link to is this, a slash, the alert's name and .md."},
             text_value(Kind::text, alerts.runbook_url));
  keys.named_sections({"heartbeats", "Addresses that are called while all is well, so that a dead daemon is noticed."},
                      named_sections_of<HeartbeatConfig>(alerts.heartbeats, visit_heartbeat));
}

}  // namespace pgrecall
