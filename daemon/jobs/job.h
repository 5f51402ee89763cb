#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/progress.h"
#include "output/style.h"
#include "repository/repository.h"

namespace pgrecall {

// What a run does. `backup` is what somebody asks for; the others are what the schedule starts, and may be asked for too.
enum class JobKind { backup, daily, weekly, monthly, verify, drill, expire, check };
[[nodiscard]] std::string_view name(JobKind kind) noexcept;
[[nodiscard]] std::optional<JobKind> parse_job_kind(std::string_view text) noexcept;
// Takes a backup, among other things.
[[nodiscard]] bool is_backup(JobKind kind) noexcept;

// What a job works with; all of it outlives the job.
struct JobContext {
  const Repository& repository;
  const Clock& clock;
  Progress& progress;
  const std::stop_token& stop;
  Style style{Style::Colours::off};   // of the text
  std::string repeated_options = {};  // behind commands that the text suggests
};

// What a job has to say: the same for a command that ran it here and for one that asked the daemon.
struct JobOutcome {
  // report: what was asked for, printed also with --quiet. summary: what was done.
  enum class Presence { summary, report } presence = Presence::summary;
  int exit_code = exit_done;
  nlohmann::ordered_json document;  // what --output json prints
  std::string text;                 // what is printed otherwise
  std::vector<std::string> warnings;
  std::vector<std::string> details;  // for --verbose
};

}  // namespace pgrecall
