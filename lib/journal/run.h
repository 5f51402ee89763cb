#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace pgrecall {

enum class RunState {
  queued,  // waits for its turn; `reason` says for what
  running,
  done,
  warnings,  // done, and somebody should read the result
  failed,
  cancelled,
  interrupted,  // the daemon ended without it
  skipped,      // never started; `reason` says why
};
// Why there is a run.
enum class RunTrigger {
  schedule,
  catch_up,  // fell due while the daemon was down
  manual,    // somebody asked
  retry,     // of one that failed or was interrupted
  first,     // the cluster has no backup yet
  repair,    // the recovery window is broken
};
[[nodiscard]] std::string_view name(RunState state) noexcept;
[[nodiscard]] std::string_view name(RunTrigger trigger) noexcept;
[[nodiscard]] std::optional<RunState> parse_run_state(std::string_view text) noexcept;
[[nodiscard]] std::optional<RunTrigger> parse_run_trigger(std::string_view text) noexcept;
// Neither queued nor running.
[[nodiscard]] bool is_over(RunState state) noexcept;

// One execution of a job, wished for, under way or over. A plain value.
struct Run {
  std::string id;  // "20261123T023000Z-prod-daily": sorts by the time when it was made, and tells what it is
  std::string cluster;
  std::string job;
  RunTrigger trigger = RunTrigger::schedule;
  std::optional<Time> due;  // when the schedule wanted it
  Time created{};
  std::optional<Time> not_before;  // a retry's
  std::optional<Time> started;
  std::optional<Time> ended;
  RunState state = RunState::queued;
  std::string reason;  // for people; may be empty
  unsigned attempt = 1;
  std::optional<std::int64_t> exit_code;  // what the command would have ended with
  std::string error_kind;                 // as name(ErrorKind) says it; empty without error
  std::string error_message;
  std::string error_hint;
  std::string options = "{}";  // JSON: what was asked for
  std::string result;          // JSON; empty until it is over
};

enum class LogLevel { debug, info, warning, error };
[[nodiscard]] std::string_view name(LogLevel level) noexcept;
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text) noexcept;

// One line that was logged for a run.
struct RunLogLine {
  std::int64_t number = 0;  // grows over all runs
  Time time{};
  LogLevel level = LogLevel::info;
  std::string text;
};

}  // namespace pgrecall
