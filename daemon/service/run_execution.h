#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "jobs/job.h"
#include "journal/run.h"
#include "service/repository_pool.h"

namespace pgrecall {

// Everything that a run needs, as it was when it began: a reload does not touch it.
struct RunOrder {
  std::string id;
  std::string cluster;
  JobKind kind = JobKind::backup;
  nlohmann::ordered_json options;
  ClusterConfig config;
  RepositoryConfig repository;
  std::string spool;
  std::string scratch;
  std::string state;
};

// How it ended.
struct RunEnd {
  RunState state = RunState::done;
  int exit_code = exit_done;
  std::string error_kind;
  std::string error_message;
  std::string error_hint;
  std::string result;                 // JSON of the outcome; empty after an error
  std::vector<std::string> warnings;  // for the log
};

// docs/api.md, "Result of a run".
[[nodiscard]] nlohmann::ordered_json to_json(const JobOutcome& outcome);
[[nodiscard]] JobOutcome job_outcome_of(const nlohmann::ordered_json& json);

// Does what is ordered, in the calling thread. Throws nothing.
[[nodiscard]] RunEnd execute(const RunOrder& order, RepositoryPool& pool, const Clock& clock, Progress& progress,
                             const std::stop_token& stop) noexcept;

// One run in a thread of its own, from construction on.
class RunExecution {
 public:
  // `on_end` is called in that thread, as the last thing it does. `pool` and `clock` outlive it.
  RunExecution(RunOrder order, RepositoryPool& pool, const Clock& clock, std::function<void(RunEnd)> on_end);

  void request_stop() { thread_.request_stop(); }
  [[nodiscard]] const RunOrder& order() const noexcept { return order_; }
  [[nodiscard]] const Progress& progress() const noexcept { return progress_; }
  [[nodiscard]] std::chrono::steady_clock::time_point began() const noexcept { return began_; }

 private:
  const RunOrder order_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Progress progress_;
  std::jthread thread_;
};

}  // namespace pgrecall
