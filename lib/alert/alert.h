#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pgrecall {

enum class Severity { warning, critical };
[[nodiscard]] std::string_view name(Severity severity) noexcept;
[[nodiscard]] std::optional<Severity> parse_severity(std::string_view text) noexcept;

// Something that is wrong now, and that somebody should hear of. A plain value.
struct Alert {
  std::string name;  // "PgrecallRunFailed": of the runbook, and of the Prometheus rule that says the same
  Severity severity = Severity::warning;
  std::string cluster;  // empty: of the daemon itself
  std::string subject;  // what tells it from others of its name and cluster: a job, a receiver, a repository; may be empty
  std::string summary;  // one sentence: what happened
  std::string action;   // one sentence: what to do
  std::string runbook;  // address
  std::string run;      // id; may be empty
};

// The same for the same name, cluster and subject, whatever the texts say: 16 hexadecimal digits.
[[nodiscard]] std::string fingerprint(const Alert& alert);

// What receivers are told: that an alert fires (again), or that it is over.
struct Notification {
  enum class State { firing, resolved };
  State state = State::firing;
  Alert alert;
  std::string fingerprint;
  Time since{};                  // when it began
  Time told{};                   // when it was decided to tell this; tells one repetition from the next
  std::optional<Time> resolved;  // when it was over
  bool repeated = false;         // told before, and still firing
  std::string host;              // of the daemon
};

}  // namespace pgrecall
