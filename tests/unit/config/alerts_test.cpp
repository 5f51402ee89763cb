#include <catch2/catch.hpp>

#include "unit/config/fixture.h"

namespace alerts_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {
using Lines = std::vector<std::string>;
std::string with_alerts(const std::string& text) { return std::string(minimal) + "alerts: { " + text + " }\n"; }
std::string with_receiver(const std::string& text) { return with_alerts("receivers: { me: { " + text + " } }"); }

// What is wrong without its place.
Lines texts_of(const std::string& yaml) {
  Lines lines = bare_errors_of(yaml);
  for (std::string& line : lines) {
    line = line.substr(line.find(": ") + 2);
  }
  return lines;
}
}  // namespace

TEST_CASE("alerts need nothing but a receiver", "[config]") {
  const AlertsConfig alerts = config_of(with_receiver("kind: slack, url_file: hook")).alerts;
  CHECK(alerts.repeat_interval == 4h);
  CHECK(alerts.give_up_after == 24h);
  CHECK(alerts.routes.empty());
  CHECK_FALSE(alerts.quiet_hours.hours);
  CHECK(alerts.heartbeats.empty());
  CHECK(alerts.receivers.at("me").timeout == 20s);
}

TEST_CASE("every key of receivers, routes, quiet hours and heartbeats arrives", "[config]") {
  const Directory directory;
  const std::string path = directory.path("chat.mustache");
  write_text(path, "{{summary}}");
  const AlertsConfig alerts =
      config_of(
          with_alerts(
              "receivers: { pd: { kind: pagerduty, routing_key_env: K, url: \"https://eu\" }, "
              "hook: { kind: webhook, url_file: u, signing_key_file: s, token_credential: t, template: \"" +
              path +
              "\", "
              "content_type: text/plain, ca_file: ca, "
              "timeout: 5s }, mail: { kind: email, server: \"mx:25\", from: a@b.c, to: [d@e.f, g@h.i], encryption: tls, user: u, "
              "password_file: p } }, "
              "routes: { night: { severity: critical, clusters: [prod], alerts: [PgrecallRunFailed], receivers: [pd, mail] } }, "
              "quiet_hours: { hours: 22:00-07:00, timezone: Europe/Berlin, warnings: summary }, repeat_interval: 1h, "
              "give_up_after: 2h, "
              "runbook_url: https://wiki, heartbeats: { a: { url_file: u, clusters: [prod], interval: 30s }, b: { on: runs, url: "
              "x, "
              "jobs: [daily] } }"))
          .alerts;
  CHECK(alerts.receivers.at("pd").kind == ReceiverConfig::Kind::pagerduty);
  CHECK(alerts.receivers.at("pd").routing_key.environment == "K");
  const ReceiverConfig& hook = alerts.receivers.at("hook");
  CHECK(hook.kind == ReceiverConfig::Kind::webhook);
  CHECK(hook.signing_key.file == "/etc/s");
  CHECK(hook.token.credential == "t");
  CHECK(hook.template_file == path);
  CHECK(hook.content_type == "text/plain");
  CHECK(hook.ca_file == "/etc/ca");
  CHECK(hook.timeout == 5s);
  const ReceiverConfig& mail = alerts.receivers.at("mail");
  CHECK(mail.server == "mx:25");
  CHECK(mail.from == "a@b.c");
  CHECK(mail.to == Lines{"d@e.f", "g@h.i"});
  CHECK(mail.encryption == ReceiverConfig::Encryption::tls);
  CHECK(mail.user == "u");
  CHECK(mail.password.file == "/etc/p");
  const RouteConfig& night = alerts.routes.at("night");
  CHECK(night.severity == RouteConfig::Severities::critical);
  CHECK(night.clusters == Lines{"prod"});
  CHECK(night.alerts == Lines{"PgrecallRunFailed"});
  CHECK(night.receivers == Lines{"pd", "mail"});
  CHECK(alerts.quiet_hours.hours->to_string() == "22:00-07:00");
  CHECK(alerts.quiet_hours.timezone == "Europe/Berlin");
  CHECK(alerts.quiet_hours.warnings == QuietHoursConfig::Warnings::summary);
  CHECK(alerts.repeat_interval == 1h);
  CHECK(alerts.give_up_after == 2h);
  CHECK(alerts.runbook_url == "https://wiki");
  CHECK(alerts.heartbeats.at("a").on == HeartbeatConfig::On::healthy);
  CHECK(alerts.heartbeats.at("a").interval == 30s);
  CHECK(alerts.heartbeats.at("a").clusters == Lines{"prod"});
  CHECK(alerts.heartbeats.at("b").on == HeartbeatConfig::On::runs);
  CHECK(alerts.heartbeats.at("b").jobs == Lines{"daily"});
}

TEST_CASE("a receiver has what its kind needs, and nothing else", "[config]") {
  const std::string at = "alerts.receivers.me";
  for (const char* kind : {"slack", "teams", "discord", "alertmanager", "webhook"}) {
    INFO(kind);
    CHECK(texts_of(with_receiver("kind: " + std::string(kind))) == Lines{at + ": has no address"});
    CHECK(texts_of(with_receiver("kind: " + std::string(kind) + ", url: x")) == Lines{});
  }
  CHECK(texts_of(with_receiver("kind: pagerduty")) == Lines{at + ": has no \"routing_key\""});
  CHECK(texts_of(with_receiver("kind: pagerduty, routing_key_file: k")) == Lines{});
  CHECK(texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b")) == Lines{at + ": has no \"to\""});
  CHECK(texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b, to: [c@d]")) == Lines{});
  CHECK(texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b, to: [c@d], url_file: x")) ==
        Lines{at + ".url_file: means nothing for a receiver of kind email"});
  CHECK(texts_of(with_receiver("kind: slack, url: x, signing_key_file: x")) ==
        Lines{at + ".signing_key_file: means nothing for a receiver of kind slack"});
  CHECK(texts_of(with_receiver("kind: teams, url: x, to: [a@b]")) ==
        Lines{at + ".to: means nothing for a receiver of kind teams"});
  CHECK(texts_of(with_receiver("kind: webhook, url: x, content_type: a/b")) ==
        Lines{at + ".content_type: is for a template, and there is none"});
  CHECK(texts_of(with_receiver("kind: webhook, url: x, token_file: a, token_env: B")) ==
        Lines{at + ".token_env: stands beside \"token_file\""});
  CHECK(texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b, to: [c@d], user: u")) ==
        Lines{at + ".user: has no password"});
  CHECK(texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b, to: [c@d], password_file: u")) ==
        Lines{at + ": has a password and no \"user\""});
  CHECK(texts_of(with_receiver("kind: slack, url: x, timeout: 0s")) == Lines{at + ".timeout: is too short"});
  CHECK(texts_of(with_receiver("kind: slack, url: x, timeout: 6m")) == Lines{at + ".timeout: is too long"});
}

TEST_CASE("addresses that break out of an SMTP command are refused", "[config]") {
  const auto to = [](const std::string& text) {
    return texts_of(with_receiver("kind: email, server: \"a:25\", from: a@b, to: [" + text + "]")).size();
  };
  CHECK(to("a@b") == 0);
  for (const char* bad :
       {"a", "\"@b\"", "a@", "\"a b@c\"", "\"<a@b>\"", "\"a@b> SIZE=1\"", "a@b@c", "\"a@b\\r\\nRCPT TO:<x@y>\"", "\"a@b,c@d\""}) {
    INFO(bad);
    CHECK(to(bad) == 1);
  }
}

TEST_CASE("routes name what there is", "[config]") {
  const auto route = [](const std::string& text) {
    return errors_of(with_alerts("receivers: { oncall: { kind: slack, url: x } }, routes: { r: { " + text + " } }"));
  };
  CHECK(route("receivers: [oncall]") == Lines{});
  CHECK(route("severity: critical, clusters: [prod], receivers: [oncall]") == Lines{});
  const Lines misspelt = route("receivers: [oncal]");
  REQUIRE(misspelt.size() == 1);
  CHECK(misspelt[0].find("alerts.routes.r.receivers: there is no receiver \"oncal\"; hint: did you mean \"oncall\"?") !=
        std::string::npos);
  CHECK(route("clusters: [prd], receivers: [oncall]").size() == 1);
  CHECK(route("alerts: [RunFailed], receivers: [oncall]").size() == 1);
  CHECK(route("severity: critical")[0].find("has no \"receivers\"") != std::string::npos);
  CHECK(route("receivers: []")[0].find("is an empty list") != std::string::npos);
  CHECK(route("receivers: oncall")[0].find("not a list, as [name]") != std::string::npos);
  CHECK(route("receivers: [oncall, oncall]")[0].find("\"oncall\" is there twice") != std::string::npos);
  CHECK(route("receivers: [[oncall]]")[0].find("has a list in the list") != std::string::npos);
}

TEST_CASE("a list shows where its wrong item stands", "[config]") {
  CHECK(errors_of(std::string(minimal) + "alerts:\n  receivers: { a: { kind: slack, url: x } }\n  routes:\n    r:\n      "
                                         "receivers:\n        - a\n        - B B\n")[0]
            .starts_with("10:11: alerts.routes.r.receivers: \"B B\" is not a usable name"));
}

TEST_CASE("heartbeats have an address, and keys that fit", "[config]") {
  const auto beat = [](const std::string& text) { return texts_of(with_alerts("heartbeats: { b: { " + text + " } }")); };
  const std::string at = "alerts.heartbeats.b";
  CHECK(beat("url_file: x") == Lines{});
  CHECK(beat("on: runs") == Lines{at + ": has no address"});
  CHECK(beat("url: x, jobs: [daily]") == Lines{at + ".jobs: means nothing for a heartbeat on: healthy"});
  CHECK(beat("on: runs, url: x, interval: 1m") == Lines{at + ".interval: means nothing for a heartbeat on: runs"});
  CHECK(beat("url: x, interval: 10ms") == Lines{at + ".interval: is too short"});
  CHECK(beat("url: x, clusters: [other]") == Lines{at + ".clusters: there is no cluster \"other\""});
}

TEST_CASE("lists are shown as lists that mean the same", "[config]") {
  const Config first = config_of(with_alerts(
      "receivers: { m: { kind: email, server: \"a:25\", from: a@b, to: [c@d, e@f] } }, routes: { r: { receivers: [m] } }"));
  CHECK(to_json(first)["alerts"]["receivers"]["m"]["to"] == nlohmann::ordered_json({"c@d", "e@f"}));
  CHECK(to_json(config_of(to_yaml(first))) == to_json(first));
}

TEST_CASE("a template that cannot work is told of where it is named", "[config]") {
  const Directory directory;
  const std::string path = directory.path("chat.mustache");
  const auto found = [&path] { return texts_of(with_receiver("kind: webhook, url: x, template: \"" + path + "\"")); };
  const std::string key = "alerts.receivers.me.template: ";
  CHECK(found() == Lines{key + path + " cannot be read"});
  write_text(path, "{\"text\": \"{{summary}}\"}");
  CHECK(found() == Lines{});
  write_text(path, "{\"text\": \"{{sumary}}\"}");
  CHECK(found() == Lines{key + "names \"sumary\", which no message has"});
}

}  // namespace alerts_test
