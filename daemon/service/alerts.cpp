#include "service/alerts.h"

#include "base/error.h"
#include "base/host_name.h"

namespace pgrecall {

namespace {
constexpr std::chrono::minutes between_tries{1};

JudgeOptions judge_options(const AlertsConfig& config) {
  return {.runbook_url = config.runbook_url, .hold = config.hold, .settle = config.settle, .remember = config.remember};
}

LogLevel level_of(const Notification& notification) {
  if (notification.state == Notification::State::resolved) {
    return LogLevel::info;
  }
  return notification.alert.severity == Severity::critical ? LogLevel::error : LogLevel::warning;
}
}  // namespace

Alerts::Alerts(const std::string& state_directory, const AlertsConfig& config, const Surroundings& around, Deliver deliver)
    : config_(config),
      around_(around),
      deliver_(std::move(deliver)),
      host_(host_name()),
      book_(state_directory, [this](const Notification& notification) { tell(notification); }) {}

void Alerts::tell(const Notification& notification) {
  const bool over = notification.state == Notification::State::resolved;
  deliver_(config_, notification);
  const Alert& alert = notification.alert;
  around_.log.write(level_of(notification), {alert.cluster, {}, alert.run},
                    "alert " + alert.name + (over ? " is over: " : (notification.repeated ? " still: " : ": ")) + alert.summary +
                        (over ? "" : " " + alert.action));
}

void Alerts::round() noexcept {
  try {
    const auto figures = around_.figures.read();
    if (!figures) {
      return;
    }
    book_.update(judge(*figures, judge_options(config_)),
                 {.repeat_interval = config_.repeat_interval, .settle = config_.settle, .host = host_}, around_.clock.now());
    try_writing();
    if (!problem_.empty()) {
      around_.log.write(LogLevel::info, {}, "alerts are kept again");
    }
    problem_.clear();
  } catch (const std::exception& error) {
    if (problem_ != error.what()) {
      problem_ = error.what();
      around_.log.write(LogLevel::error, {}, "alerts are told, but cannot be kept; it is tried again: " + problem_);
    }
  }
  publish();
}

// Whether the state can be written must be known before there is something to be written.
void Alerts::try_writing() {
  const auto now = around_.clock.steady_now();
  if (problem_.empty() && tried_ && now - *tried_ < between_tries) {
    return;
  }
  book_.try_writing(around_.clock.now());
  tried_ = now;
}

void Alerts::publish() { around_.board.publish(std::make_shared<const std::vector<AlertEntry>>(open())); }

void Alerts::happen(Alert alert) {
  alert.runbook = runbook_address(config_.runbook_url, alert.name);
  book_.happen(alert, around_.clock.now() + config_.remember);
}

Silence Alerts::silence(Silence wanted, std::chrono::seconds span) {
  wanted.created = around_.clock.now();
  wanted.until = wanted.created + span;
  Silence silence = book_.silence(wanted);
  around_.log.write(LogLevel::warning, {silence.cluster, {}, {}},
                    silence.who + " silenced " + (silence.alert.empty() ? "the alerts" : silence.alert) + " of " +
                        silence.cluster + " until " + format_time(silence.until) + ": " + silence.why);
  publish();
  return silence;
}

std::size_t Alerts::end_silences(const std::string& cluster, const std::string& alert) {
  const std::size_t ended = book_.end_silences(cluster, alert, around_.clock.now());
  publish();
  return ended;
}

}  // namespace pgrecall
