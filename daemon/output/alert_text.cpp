#include "output/alert_text.h"

#include "output/run_text.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

void line(std::string& out, const Style& style, const std::string& label, const std::string& text) {
  constexpr std::size_t width = 9;  // of "silenced" and a blank
  if (!text.empty()) {
    out += "  " + style.paint(Tone::faint, label + std::string(width - label.size(), ' ')) + printable(text) + "\n";
  }
}

std::string heading(const ordered_json& alert, const Style& style) {
  const std::string state = text_in(alert, "state");
  const std::string severity = text_in(alert, "severity");
  const std::string cluster = text_in(alert, "cluster");
  const std::string subject = text_in(alert, "subject");
  const Tone tone = state == "resolved" ? Tone::faint : (severity == "critical" ? Tone::bad : Tone::warning);
  return style.paint(tone, severity) + " " + style.paint(Tone::strong, text_in(alert, "name")) +
         (cluster.empty() ? "" : " " + printable(cluster)) + (subject.empty() ? "" : " (" + printable(subject) + ")") +
         (state == "firing" ? "" : ", " + state) + ", since " + time_text(alert.at("since"), "?") +
         (alert.at("resolved").is_null() ? "" : ", over " + time_text(alert.at("resolved"), "?")) + "\n";
}
}  // namespace

std::string alerts_text(const ordered_json& alerts, const Style& style) {
  std::string out;
  for (const ordered_json& alert : alerts) {
    out += heading(alert, style);
    line(out, style, "what", text_in(alert, "summary"));
    if (text_in(alert, "state") == "resolved") {
      continue;
    }
    line(out, style, "do", text_in(alert, "action"));
    line(out, style, "read", text_in(alert, "runbook"));
    if (const ordered_json& silence = alert.at("silence"); silence.is_object()) {
      const bool critical = text_in(alert, "severity") == "critical";
      line(out, style, "silenced",
           "until " + time_text(silence.at("until"), "?") + " by " + text_in(silence, "who") + ": " + text_in(silence, "why") +
               (critical ? "; nobody is told of this CRITICAL alert" : ""));
    }
  }
  return out;
}

std::string silences_text(const ordered_json& silences, const Style& style) {
  std::string out;
  for (const ordered_json& silence : silences) {
    out += style.paint(Tone::warning, "silence") + " of " + printable(text_in(silence, "cluster")) +
           (text_in(silence, "alert").empty() ? "" : " (" + printable(text_in(silence, "alert")) + " alone)") + " until " +
           time_text(silence.at("until"), "?") + ", by " + printable(text_in(silence, "who")) + ": " +
           printable(text_in(silence, "why")) + "\n";
  }
  return out;
}

}  // namespace pgrecall
