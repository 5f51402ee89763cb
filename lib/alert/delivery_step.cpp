#include "alert/delivery_step.h"

#include <algorithm>
#include <set>

#include "schedule/off_peak.h"
#include "schedule/time_zone.h"

namespace pgrecall {

namespace {
using namespace delivery_step;
using Kind = ReceiverConfig::Kind;

// Programs match each message with an alert; one for several would mean nothing to them.
bool for_people(Kind kind) { return kind == Kind::slack || kind == Kind::teams || kind == Kind::discord || kind == Kind::email; }

// Quiet hours as of a moment.
class Quiet {
 public:
  Quiet(const QuietHoursConfig& config, Time now) : hours_(config.hours) {
    if (hours_) {
      auto found = TimeZone::find(config.timezone);
      zone_ = std::holds_alternative<TimeZone>(found) ? std::get<TimeZone>(found) : TimeZone();
      now_ = hours_->contains(zone_, now);
      end_ = OffPeak{hours_->to, hours_->from}.next_opening(zone_, now);
    }
  }
  [[nodiscard]] bool holds_back(const Notification& notification) const {
    return now_ && notification.alert.severity != Severity::critical;
  }
  [[nodiscard]] Time end() const { return end_; }
  [[nodiscard]] bool was_held_back(const Notification& notification) const {
    return hours_ && notification.alert.severity != Severity::critical && hours_->contains(zone_, notification.told);
  }
  [[nodiscard]] std::string text() const { return hours_ ? hours_->to_string() : ""; }

 private:
  std::optional<OffPeak> hours_;
  TimeZone zone_;
  bool now_ = false;
  Time end_{};
};

std::string summary_line(const Notification& notification) {
  const Alert& alert = notification.alert;
  const bool over = notification.state == Notification::State::resolved;
  const std::string where = alert.cluster.empty() ? "" : alert.cluster + ": ";
  return "- " + where + alert.name + (alert.subject.empty() ? "" : " (" + alert.subject + ")") +
         (over ? " is over" : ": " + alert.summary) + " [" + format_time(notification.told) + "]";
}

Send summary_of(const std::vector<const Outgoing*>& messages, const Quiet& quiet, Time now) {
  Send send;
  send.notification.alert.name = "PgrecallQuietHours";
  send.notification.alert.summary =
      std::to_string(messages.size()) + " messages waited for the end of the quiet hours (" + quiet.text() + "):";
  for (const Outgoing* message : messages) {
    send.ids.push_back(message->id);
    send.notification.alert.summary += "\n" + summary_line(message->notification);
  }
  const Notification& first = messages.front()->notification;
  send.notification.alert.action = "Look at what still is wrong: pgrecall alert list.";
  send.notification.fingerprint = fingerprint(send.notification.alert);
  send.notification.since = first.told;
  send.notification.told = now;
  send.notification.host = first.host;
  return send;
}
}  // namespace

DeliveryRules rules_of(const AlertsConfig& config, const ReceiverConfig& receiver) {
  return {config.quiet_hours, config.give_up_after, receiver.kind};
}

DeliveryStep next_step(const std::vector<Outgoing>& waiting, const DeliveryRules& rules, std::optional<Time> paused, Time now) {
  const Quiet quiet(rules.quiet_hours, now);
  GiveUp give_up;
  std::vector<const Outgoing*> ready;
  std::optional<Time> wake;
  std::set<std::string> earlier;  // alerts of which an older message waits
  const auto wait_until = [&wake](Time time) { wake = wake ? std::min(*wake, time) : time; };
  for (const Outgoing& message : waiting) {
    if (message.first_try && now - *message.first_try >= rules.give_up_after) {
      give_up.messages.push_back(message);
      continue;
    }
    if (message.first_try) {
      wait_until(*message.first_try + rules.give_up_after);
    }
    if (!earlier.insert(message.notification.fingerprint).second) {
      continue;
    }
    Time due = std::max(message.not_before.value_or(Time{}), paused.value_or(Time{}));
    if (quiet.holds_back(message.notification)) {
      due = std::max(due, quiet.end());
    }
    if (due <= now) {
      ready.push_back(&message);
    } else {
      wait_until(due);
    }
  }
  if (!give_up.messages.empty()) {
    return give_up;
  }
  if (ready.empty()) {
    return Wait{wake};
  }
  if (rules.quiet_hours.warnings == QuietHoursConfig::Warnings::summary && for_people(rules.kind)) {
    std::vector<const Outgoing*> held;
    for (const Outgoing& message : waiting) {
      if (quiet.was_held_back(message.notification) && !quiet.holds_back(message.notification)) {
        held.push_back(&message);
      }
    }
    const auto begins = [&](const Outgoing* message) { return message == ready.front(); };
    if (held.size() > 1 && std::any_of(held.begin(), held.end(), begins)) {
      return summary_of(held, quiet, now);
    }
  }
  return Send{{ready.front()->id}, ready.front()->notification};
}

std::chrono::milliseconds backoff(unsigned failures, double dice) noexcept {
  constexpr double first_ms = 1000;
  constexpr double longest_ms = 300'000;
  double span = first_ms;
  for (unsigned i = 1; i < failures && span < longest_ms; ++i) {
    span *= 2;
  }
  span = std::min(span, longest_ms);
  return std::chrono::milliseconds(static_cast<std::int64_t>(span / 2 + span / 2 * dice));
}

}  // namespace pgrecall
