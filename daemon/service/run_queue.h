#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "journal/journal.h"
#include "schedule/planner.h"
#include "service/log.h"
#include "service/run_choice.h"
#include "service/run_execution.h"

namespace pgrecall {

// What the queue needs of whoever has it. Called in the queue's thread.
class RunQueueOwner {
 public:
  virtual ~RunQueueOwner() = default;
  // Whether the cluster's work is ours now.
  [[nodiscard]] virtual bool is_ours(const std::string& cluster) const = 0;
  // Calls back in the queue's thread; from any thread.
  virtual void post(std::function<void()> call) = 0;
  virtual void on_run_over(const Run& run) = 0;
  // The daemon had ended while it ran, and it is not tried again.
  virtual void on_given_up(const Run& run) = 0;
  // It is under way; and it ended by itself or was stopped, which is told before on_run_over().
  virtual void on_run_started(const Run& run) = 0;
  enum class Retry { none, planned };
  virtual void on_run_ended(const Run& run, Retry retry) = 0;
};

// Runs that wait and runs that are under way, from the moment when somebody wants one to its end, and in the journal all the
// time. One thread uses it; the runs have threads of their own.
class RunQueue {
 public:
  struct Surroundings {
    Journal& journal;
    RepositoryPool& pool;
    ServiceLog& log;
    const Clock& clock;         // of schedules and of the journal's times
    const Clock& engine_clock;  // of what runs do
    RunQueueOwner& owner;
  };
  explicit RunQueue(const Surroundings& around) : around_(around) {}

  // What holds from now on for runs that start. Waiting runs of clusters that are gone are cancelled.
  void configure(const Config& config);
  // For the start: what was running when the daemon ended is marked and, as configured, tried again; what waited waits on.
  void recover();

  // Takes a run up; it starts when dispatch() finds that it may. Returns its id.
  std::string submit(Run run);
  // Starts a run of the schedule now, and keeps `handled` with it.
  void start_due(Run run, Time handled);
  enum class [[nodiscard]] Cancelled{unknown, over, requested};
  Cancelled cancel(const std::string& id, const std::string& why);

  // Starts what may start. Returns when to ask again at the latest, as far as time decides.
  std::optional<Time> dispatch();
  [[nodiscard]] ClusterActivity activity(const std::string& cluster, const std::string& job) const;
  [[nodiscard]] bool has_room(const std::string& repository) const;

  // Nothing starts any more.
  void drain() { draining_ = true; }
  // Asks every run to stop; what it had to do is done after the next start.
  void stop_all();
  [[nodiscard]] bool anything_runs() const noexcept { return !active_.empty(); }

  [[nodiscard]] const std::vector<Run>& waiting() const noexcept { return waiting_; }
  [[nodiscard]] std::vector<Run> running() const;
  // Null when it does not run.
  [[nodiscard]] const RunExecution* execution(const std::string& id) const;

 private:
  struct Active {
    Run run;
    std::unique_ptr<RunExecution> execution;
    std::string cancelled_because;
  };

  void start(Run run);
  void over(const std::string& id, const RunEnd& end);
  void finish(Run run, const RunEnd& end);
  void tell_end(const Run& run, bool tried_again);
  [[nodiscard]] bool try_again(const Run& run);
  void end_waiting(std::size_t index, RunState state, const std::string& reason);
  void save(const Run& run);
  void say(LogLevel level, const Run& run, const std::string& text);
  [[nodiscard]] std::vector<WaitingRun> waiting_runs() const;
  [[nodiscard]] std::vector<RunningRun> running_runs() const;

  Surroundings around_;
  Config config_;
  RunLimits limits_;
  std::vector<Run> waiting_;  // in the order in which they came
  std::map<std::string, Active> active_;
  bool draining_ = false;
  bool stopping_ = false;
};

}  // namespace pgrecall
