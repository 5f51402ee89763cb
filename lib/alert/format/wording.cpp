#include "alert/format/wording.h"

#include <algorithm>

#include "alert/format/text.h"
#include "base/units.h"

namespace pgrecall {

namespace {
std::string lasted(const Notification& notification) {
  const Time end = notification.resolved.value_or(notification.told);
  const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(end - notification.since);
  return format_duration(std::max(span, std::chrono::milliseconds(0)));
}

std::string title(const Notification& notification) {
  const Alert& alert = notification.alert;
  std::string text;
  if (notification.state == Notification::State::resolved) {
    text = "RESOLVED after " + lasted(notification);
  } else {
    text = std::string(notification.repeated ? "STILL " : "") + (alert.severity == Severity::critical ? "CRITICAL" : "WARNING");
  }
  text += ": ";
  if (!alert.cluster.empty()) {
    text += clean(alert.cluster) + ": ";
  }
  text += clean(alert.name);
  return alert.subject.empty() ? text : text + " (" + clean(alert.subject) + ")";
}

std::string command(const Alert& alert) {
  if (!alert.run.empty()) {
    return "pgrecall runs --log " + clean(alert.run);
  }
  return alert.cluster.empty() ? "pgrecall status" : "pgrecall status " + clean(alert.cluster);
}

bool is_link(const std::string& address) {
  return (address.starts_with("https://") || address.starts_with("http://")) &&
         address.find_first_of(" <>\"|\\") == std::string::npos;
}
}  // namespace

Wording wording_of(const Notification& notification) {
  const Alert& alert = notification.alert;
  const bool firing = notification.state == Notification::State::firing;
  Wording wording;
  wording.title = title(notification);
  wording.summary = clean(alert.summary, Lines::several);
  if (firing) {
    wording.action = clean(alert.action, Lines::several);
    wording.command = command(alert);
  }
  wording.runbook = clean(alert.runbook);
  wording.runbook_is_link = is_link(wording.runbook);
  wording.facts.emplace_back("Since", format_time(notification.since));
  if (!firing) {
    wording.lasted = lasted(notification);
    wording.facts.emplace_back("Over",
                               format_time(notification.resolved.value_or(notification.told)) + ", after " + wording.lasted);
  } else if (notification.repeated) {
    wording.facts.emplace_back("Lasts", lasted(notification));
  }
  if (!alert.run.empty()) {
    wording.facts.emplace_back("Run", clean(alert.run));
  }
  if (!notification.host.empty()) {
    wording.facts.emplace_back("Backup host", clean(notification.host));
  }
  return wording;
}

std::string plain_text(const Wording& wording) {
  std::string text = wording.title + "\n\n" + wording.summary + "\n";
  if (!wording.action.empty()) {
    text += "\nWhat to do: " + wording.action + "\n";
  }
  if (!wording.command.empty()) {
    text += "Look closer: " + wording.command + "\n";
  }
  if (!wording.runbook.empty()) {
    text += "Runbook: " + wording.runbook + "\n";
  }
  text += "\n";
  for (const auto& [label, value] : wording.facts) {
    text += label + ": " + value + "\n";
  }
  return text;
}

}  // namespace pgrecall
