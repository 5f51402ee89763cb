#include "alert/format/formats.h"

#include <functional>

#include "alert/conditions.h"
#include "alert/format/text.h"
#include "unit/alert/fixture.h"

namespace formats_test {

using namespace pgrecall;
using namespace pgrecall::test;
using nlohmann::ordered_json;

namespace {
// All that others wrote is as long and as odd as it can be.
Notification monstrous(bool over = false) {
  Notification told = notification();
  std::string odd;
  for (int i = 0; i < 4000; ++i) {
    odd += "<&>*_`\"\\\xF0\x9F\x94\xB4\x01\xff";
  }
  for (std::string* text :
       {&told.alert.summary, &told.alert.action, &told.alert.subject, &told.alert.run, &told.alert.runbook, &told.host}) {
    *text = odd;
  }
  return over ? resolved(told, 5) : told;
}

std::string dump(const ordered_json& message) { return message.dump(); }

void every_string(const ordered_json& json, const std::function<void(const std::string&)>& call) {
  if (json.is_string()) {
    call(json.get<std::string>());
  }
  for (const auto& inner : json) {
    if (json.is_structured()) {
      every_string(inner, call);
    }
  }
}
}  // namespace

TEST_CASE("Slack: what to read at night, in blocks and as text") {
  const ordered_json message = slack_message(notification());
  const std::string text = dump(message);
  CHECK(message["text"].get<std::string>().starts_with("WARNING: shop: PgrecallRunFailed (daily): The daily backup"));
  CHECK(message["blocks"][0]["text"]["text"].get<std::string>().find("WARNING: shop: PgrecallRunFailed (daily)") !=
        std::string::npos);
  for (const char* part : {"What to do:* Free space in the repository.", "`pgrecall runs --log 20261123T023000Z-shop-daily`",
                           "<https://wiki.example.com/PgrecallRunFailed.md|Runbook>", "2026-11-23T02:30:00Z", "backup1"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  const std::string over = dump(slack_message(resolved(notification(), 130)));
  CHECK(over.find("RESOLVED after 2 h 10 min: shop") != std::string::npos);
  CHECK(over.find("What to do") == std::string::npos);
  CHECK(dump(slack_message(repeated(notification(), 240))).find("STILL WARNING") != std::string::npos);
}

TEST_CASE("Slack: nothing that others wrote is markup, and all is within the limits") {
  Notification told = notification();
  told.alert.summary = "<!channel> & <https://evil.example|click>";
  CHECK(dump(slack_message(told)).find("<!channel>") == std::string::npos);
  for (const bool over : {false, true}) {
    const ordered_json message = slack_message(monstrous(over));
    CHECK(message["blocks"].size() <= 50);
    CHECK(utf16_length(message["text"].get<std::string>()) <= 3000);
    for (const auto& block : message["blocks"]) {
      const std::string type = block["type"];
      if (type == "header") {
        CHECK(utf16_length(block["text"]["text"].get<std::string>()) <= 150);
      } else if (type == "section") {
        CHECK(utf16_length(block["text"]["text"].get<std::string>()) <= 3000);
        CHECK_FALSE(block["text"]["text"].get<std::string>().empty());
      } else {
        CHECK(block["elements"].size() <= 10);
      }
    }
  }
}

TEST_CASE("Teams: an adaptive card in a message of less than 28 KB") {
  const ordered_json message = teams_message(notification());
  CHECK(message["type"] == "message");
  const ordered_json& attachment = message["attachments"][0];
  CHECK(attachment["contentType"] == "application/vnd.microsoft.card.adaptive");
  CHECK(attachment["content"]["type"] == "AdaptiveCard");
  CHECK(attachment["content"]["actions"][0]["url"] == "https://wiki.example.com/PgrecallRunFailed.md");
  CHECK(dump(message).find("pgrecall runs --log 20261123T023000Z-shop-daily") != std::string::npos);
  CHECK(dump(teams_message(monstrous())).size() < 28 * 1024);
  CHECK(dump(teams_message(monstrous(true))).size() < 28 * 1024);
  Notification file = notification();
  file.alert.runbook = "file:///usr/share/doc/x.md";
  CHECK_FALSE(teams_message(file)["attachments"][0]["content"].contains("actions"));
}

TEST_CASE("Discord: an embed within its limits that mentions nobody") {
  Notification told = notification();
  told.alert.summary = "@everyone <@123> **x**";
  const ordered_json one = discord_message(told);
  CHECK(one["allowed_mentions"]["parse"].empty());
  CHECK(one["embeds"][0]["description"] == "@everyone \\<@123\\> \\*\\*x\\*\\*");
  CHECK(one["embeds"][0]["color"] != discord_message(resolved(told, 1))["embeds"][0]["color"]);
  for (const bool over : {false, true}) {
    const ordered_json message = discord_message(monstrous(over));
    const ordered_json& embed = message["embeds"][0];
    CHECK(utf16_length(message["content"].get<std::string>()) <= 2000);
    CHECK(utf16_length(embed["title"].get<std::string>()) <= 256);
    CHECK(utf16_length(embed["description"].get<std::string>()) <= 4096);
    CHECK(embed["fields"].size() <= 25);
    std::size_t all = utf16_length(embed["title"].get<std::string>()) + utf16_length(embed["description"].get<std::string>());
    for (const auto& field : embed["fields"]) {
      CHECK(utf16_length(field["name"].get<std::string>()) <= 256);
      CHECK(utf16_length(field["value"].get<std::string>()) <= 1024);
      CHECK_FALSE(field["value"].get<std::string>().empty());
      all += utf16_length(field["name"].get<std::string>()) + utf16_length(field["value"].get<std::string>());
    }
    CHECK(all <= 6000);
  }
}

TEST_CASE("PagerDuty: triggered and resolved under the alert's fingerprint") {
  const Secret key("0123456789abcdef0123456789abcdef");
  const ordered_json event = pagerduty_event(notification(), key);
  CHECK(event["routing_key"] == key.reveal());
  CHECK(event["event_action"] == "trigger");
  CHECK(event["dedup_key"] == notification().fingerprint);
  CHECK(event["payload"]["severity"] == "warning");
  CHECK(event["payload"]["source"] == "backup1");
  CHECK(event["payload"]["component"] == "shop");
  CHECK(event["payload"]["class"] == "PgrecallRunFailed");
  CHECK(event["payload"]["summary"] == "shop: The daily backup of shop failed: disk full.");
  CHECK(event["links"][0]["href"] == "https://wiki.example.com/PgrecallRunFailed.md");
  const ordered_json over = pagerduty_event(resolved(notification(), 5), key);
  CHECK(over["event_action"] == "resolve");
  CHECK(over["dedup_key"] == event["dedup_key"]);
  Notification severe = monstrous();
  severe.alert.severity = Severity::critical;
  const ordered_json big = pagerduty_event(severe, key);
  CHECK(big["payload"]["severity"] == "critical");
  CHECK(utf16_length(big["payload"]["summary"].get<std::string>()) <= 1024);
  CHECK(dump(big).size() < 512 * 1024);
}

TEST_CASE("Alertmanager: the labels of our Prometheus rules, and an end for what is not told again") {
  const ordered_json alerts = alertmanager_alerts(notification(), std::chrono::hours(5));
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0]["labels"] == ordered_json{{"alertname", "PgrecallRunFailed"},
                                            {"severity", "warning"},
                                            {"cluster", "shop"},
                                            {"job", "daily"},
                                            {"instance", "backup1"}});
  CHECK(alerts[0]["startsAt"] == "2026-11-23T02:30:00Z");
  CHECK(alerts[0]["endsAt"] == "2026-11-23T07:30:00Z");
  CHECK(alerts[0]["generatorURL"] == "https://wiki.example.com/PgrecallRunFailed.md");
  CHECK(alerts[0]["annotations"]["summary"] == notification().alert.summary);
  const ordered_json over = alertmanager_alerts(resolved(notification(), 10), std::chrono::hours(5));
  CHECK(over[0]["labels"] == alerts[0]["labels"]);
  CHECK(over[0]["endsAt"] == "2026-11-23T02:40:00Z");
  CHECK(alertmanager_alerts(resolved(notification(), 0), {})[0]["endsAt"] == "2026-11-23T02:30:01Z");
  Notification failing = notification("");
  failing.alert.name = condition::receiver_failing;
  failing.alert.subject = "oncall";
  CHECK(alertmanager_alerts(failing, {})[0]["labels"]["receiver"] == "oncall");
  CHECK_FALSE(alertmanager_alerts(failing, {})[0]["labels"].contains("cluster"));
}

TEST_CASE("Webhook: the documented document") {
  const ordered_json message = webhook_message(notification());
  CHECK(message["version"] == 1);
  CHECK(message["id"] == notification().fingerprint + "-firing-20261123T023000Z");
  CHECK(message["state"] == "firing");
  CHECK(message["name"] == "PgrecallRunFailed");
  CHECK(message["cluster"] == "shop");
  CHECK(message["subject"] == "daily");
  CHECK(message["command"] == "pgrecall runs --log 20261123T023000Z-shop-daily");
  CHECK(message["resolved"].is_null());
  CHECK(message["lasted_seconds"].is_null());
  const ordered_json over = webhook_message(resolved(notification(), 10));
  CHECK(over["state"] == "resolved");
  CHECK(over["resolved"] == "2026-11-23T02:40:00Z");
  CHECK(over["lasted_seconds"] == 600);
  CHECK(over["action"].is_null());
  CHECK(over["fingerprint"] == message["fingerprint"]);
  CHECK(over["id"] != message["id"]);
}

TEST_CASE("The signature is HMAC-SHA256 of timestamp, dot and body") {
  // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
  CHECK(webhook_signature(Secret("key"), "1700000000", "{\"a\":1}") ==
        "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
  CHECK(webhook_signature(Secret("other"), "1700000000", "{\"a\":1}") !=
        webhook_signature(Secret("key"), "1700000000", "{\"a\":1}"));
}

TEST_CASE("No message has control characters or text that is no UTF-8") {
  const Secret key("k");
  for (const bool over : {false, true}) {
    const Notification told = monstrous(over);
    for (const ordered_json& message : {slack_message(told), teams_message(told), discord_message(told),
                                        pagerduty_event(told, key), alertmanager_alerts(told, {}), webhook_message(told)}) {
      CHECK_NOTHROW(dump(message));
      every_string(message, [](const std::string& text) { CHECK(text.find('\x01') == std::string::npos); });
    }
  }
}

}  // namespace formats_test
