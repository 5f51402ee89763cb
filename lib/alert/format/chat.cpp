#include "alert/format/formats.h"
#include "alert/format/text.h"
#include "alert/format/wording.h"

// Slack, Microsoft Teams and Discord.

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

bool over(const Notification& notification) { return notification.state == Notification::State::resolved; }
bool critical(const Notification& notification) { return notification.alert.severity == Severity::critical; }

ordered_json slack_section(const std::string& text) {
  return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", text}}}};
}

// Backticks end what is shown as code.
std::string as_code(const std::string& text) {
  std::string code = text;
  std::erase(code, '`');
  return "`" + code + "`";
}

std::string slack_runbook(const Wording& wording) {
  const std::string address = fit(wording.runbook, 1000, Markup::slack);
  return wording.runbook_is_link ? "<" + address + "|Runbook>" : "Runbook: " + address;
}

ordered_json teams_text(const std::string& text) { return {{"type", "TextBlock"}, {"text", text}, {"wrap", true}}; }

ordered_json discord_field(const std::string& name, const std::string& value) {
  return {{"name", name}, {"value", value}, {"inline", false}};
}
}  // namespace

ordered_json slack_message(const Notification& notification) {
  const Wording wording = wording_of(notification);
  const char* sign = over(notification) ? "\xE2\x9C\x85 " : (critical(notification) ? "\xF0\x9F\x94\xB4 " : "\xE2\x9A\xA0 ");
  ordered_json blocks = ordered_json::array();
  blocks.push_back(
      {{"type", "header"}, {"text", {{"type", "plain_text"}, {"text", fit(sign + wording.title, 150)}, {"emoji", false}}}});
  if (!wording.summary.empty()) {
    blocks.push_back(slack_section(fit(wording.summary, 2900, Markup::slack)));
  }
  std::string next;
  if (!wording.action.empty()) {
    next += "*What to do:* " + fit(wording.action, 1500, Markup::slack) + "\n";
  }
  if (!wording.command.empty()) {
    next += "*Look closer:* " + as_code(fit(wording.command, 200, Markup::slack)) + "\n";
  }
  if (!wording.runbook.empty()) {
    next += slack_runbook(wording);
  }
  if (!next.empty()) {
    blocks.push_back(slack_section(next));
  }
  ordered_json elements = ordered_json::array();
  for (const auto& [label, value] : wording.facts) {
    elements.push_back({{"type", "mrkdwn"}, {"text", "*" + label + ":* " + fit(value, 500, Markup::slack)}});
  }
  blocks.push_back({{"type", "context"}, {"elements", elements}});
  // What notifications of phones show, and clients that know no blocks.
  return {{"text", fit(wording.title + ": " + wording.summary, 1000, Markup::slack)}, {"blocks", blocks}};
}

// Long texts are cut so that even three bytes for each character leave the whole well under 28 KB.
ordered_json teams_message(const Notification& notification) {
  const Wording wording = wording_of(notification);
  const char* colour = over(notification) ? "Good" : (critical(notification) ? "Attention" : "Warning");
  ordered_json title = teams_text(fit(wording.title, 250, Markup::markdown));
  title.update({{"size", "Large"}, {"weight", "Bolder"}, {"color", colour}});
  ordered_json body = ordered_json::array({title});
  if (!wording.summary.empty()) {
    body.push_back(teams_text(fit(wording.summary, 2500, Markup::markdown)));
  }
  ordered_json facts = ordered_json::array();
  const auto add = [&facts](const std::string& label, const std::string& value, std::size_t limit) {
    facts.push_back({{"title", label}, {"value", fit(value, limit, Markup::markdown)}});
  };
  if (!wording.action.empty()) {
    add("What to do", wording.action, 1200);
  }
  if (!wording.command.empty()) {
    add("Look closer", wording.command, 250);
  }
  for (const auto& [label, value] : wording.facts) {
    add(label, value, 250);
  }
  if (!wording.runbook.empty() && !wording.runbook_is_link) {
    add("Runbook", wording.runbook, 250);
  }
  body.push_back({{"type", "FactSet"}, {"facts", facts}});
  ordered_json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                    {"type", "AdaptiveCard"},
                    {"version", "1.4"},
                    {"body", body},
                    {"msteams", {{"width", "Full"}}}};
  if (wording.runbook_is_link && wording.runbook.size() <= 1000) {
    card["actions"] = ordered_json::array({{{"type", "Action.OpenUrl"}, {"title", "Runbook"}, {"url", wording.runbook}}});
  }
  return {{"type", "message"},
          {"attachments",
           ordered_json::array(
               {{{"contentType", "application/vnd.microsoft.card.adaptive"}, {"contentUrl", nullptr}, {"content", card}}})}};
}

ordered_json discord_message(const Notification& notification) {
  const Wording wording = wording_of(notification);
  const int colour = over(notification) ? 0x2E7D32 : (critical(notification) ? 0xC62828 : 0xF9A825);
  ordered_json embed{{"title", fit(wording.title, 256, Markup::markdown)},
                     {"description", fit(wording.summary, 2500, Markup::markdown)},
                     {"color", colour},
                     {"timestamp", format_time(notification.told)}};
  ordered_json fields = ordered_json::array();
  if (!wording.action.empty()) {
    fields.push_back(discord_field("What to do", fit(wording.action, 1024, Markup::markdown)));
  }
  if (!wording.command.empty()) {
    fields.push_back(discord_field("Look closer", as_code(fit(wording.command, 200))));
  }
  for (const auto& [label, value] : wording.facts) {
    fields.push_back(discord_field(label, fit(value, 256, Markup::markdown)));
  }
  if (!wording.runbook.empty()) {
    const bool whole = wording.runbook_is_link && wording.runbook.size() <= 500;
    fields.push_back(discord_field("Runbook", whole ? wording.runbook : fit(wording.runbook, 500, Markup::markdown)));
  }
  embed["fields"] = fields;
  return {{"username", "pgrecall"},
          {"content", fit(wording.title, 500, Markup::markdown)},
          {"embeds", ordered_json::array({embed})},
          {"allowed_mentions", {{"parse", ordered_json::array()}}}};
}

}  // namespace pgrecall
