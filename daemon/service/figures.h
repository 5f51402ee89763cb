#pragma once

#include <map>
#include <set>
#include <string>

#include "service/job_figures.h"
#include "service/supervisor.h"
#include "status/status.h"

namespace pgrecall {

// Works out, on the desk, how everything stands, from what the daemon's parts know already: it waits for no server and for no
// repository.
class Figures {
 public:
  struct Options {
    const Clock* clock = nullptr;  // of schedules; outlives this
    double clock_speed = 1;        // seconds of `clock` in a second
  };
  // All of these outlive it.
  Figures(Supervisor& supervisor, FiguresBoard& board, const Options& options)
      : supervisor_(supervisor), board_(board), options_(options) {}

  void publish();

 private:
  struct Counted {
    std::uint64_t changes = 0;
    std::set<std::string> scheduled;
    JournalFigures figures;
  };
  struct ScheduledAge {
    std::string schedule;
    std::chrono::milliseconds age{};
  };
  struct Moved {
    std::uint64_t done_bytes = 0;
    Time when{};
  };

  void watch_clock(Time now);
  [[nodiscard]] Targets targets(const std::string& cluster, const ClusterConfig& configured);
  [[nodiscard]] ClusterFigures cluster_figures(const std::string& cluster, Time now);
  [[nodiscard]] const JournalFigures& counted(const std::string& cluster, const ClusterConfig& configured);
  void add_jobs(ClusterFigures& figures, const ClusterConfig& configured, Time now);
  void add_running(JobFigures& job, const Run& run, const ClusterFigures& figures, Time now);

  Supervisor& supervisor_;
  FiguresBoard& board_;
  const Options options_;
  std::map<std::string, Time> guarded_since_;          // by cluster
  std::map<std::string, Counted> counted_;             // by cluster
  std::map<std::string, ScheduledAge> scheduled_age_;  // by cluster
  std::map<std::string, Moved> moved_;                 // by run under way
  std::optional<std::pair<Time, std::chrono::steady_clock::time_point>> last_tick_;
  std::optional<Time> clock_jumped_;
  double clock_jump_seconds_ = 0;
};

// The window, the backups and the WAL of a cluster, as its guard tells them.
void add_guard(ClusterFigures& figures, const GuardStatus& guard, Time now);

}  // namespace pgrecall
