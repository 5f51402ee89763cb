#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "service/job_figures.h"
#include "service/repository_watch.h"
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
    std::optional<Time> journal_rebuilt{};
  };
  // All of these outlive it.
  Figures(Supervisor& supervisor, FiguresBoard& board, const Options& options)
      : supervisor_(supervisor), board_(board), options_(options) {}

  // Adds what others know whenever figures are worked out; called on the desk.
  using Source = std::function<void(ServiceFigures& figures)>;
  void add_source(Source source) { sources_.push_back(std::move(source)); }
  void publish();
  // Waits until no repository is looked at any more; publish() is not called again.
  void stop() { watches_.clear(); }

 private:
  struct Counted {
    std::uint64_t changes = 0;
    JournalFigures figures;
  };
  // What the configuration says of a cluster, worked out.
  struct Promised {
    std::set<std::string> scheduled;  // jobs
    Targets targets;
  };
  struct Moved {
    std::uint64_t done_bytes = 0;
    Time when{};
  };

  void watch_clock(Time now);
  void take_configuration();
  void add_repositories(ServiceFigures& figures, Time now);
  [[nodiscard]] ClusterFigures cluster_figures(const std::string& cluster, Time now);
  [[nodiscard]] const JournalFigures& counted(const std::string& cluster);
  [[nodiscard]] std::optional<Time> first_backup(const std::string& cluster, const std::optional<Time>& oldest);
  void add_jobs(ClusterFigures& figures, Time now);
  void add_running(JobFigures& job, const Run& run, const ClusterFigures& figures, Time now);

  Supervisor& supervisor_;
  FiguresBoard& board_;
  const Options options_;
  std::vector<Source> sources_;
  std::optional<std::uint64_t> taken_;  // the number of the configuration that the next two are of
  std::map<std::string, Promised> promised_;
  std::vector<std::unique_ptr<RepositoryWatch>> watches_;
  std::vector<std::unique_ptr<RepositoryWatch>> leaving_;
  std::optional<Time> looked_;
  std::uint64_t changes_looked_at_ = 0;
  std::map<std::string, Time> guarded_since_;  // by cluster
  std::map<std::string, Time> durable_;        // by cluster: WAL was safe until then, as its last receiver said
  std::map<std::string, Counted> counted_;     // by cluster
  std::map<std::string, Time> first_backups_;  // by cluster; as the journal's notes have them
  std::map<std::string, Moved> moved_;         // by run under way
  std::optional<std::pair<Time, std::chrono::steady_clock::time_point>> last_tick_;
  std::optional<Time> clock_jumped_;
  double clock_jump_seconds_ = 0;
};

// The window, the backups and the WAL of a cluster, as its guard tells them.
void add_guard(ClusterFigures& figures, const GuardStatus& guard, Time now);

}  // namespace pgrecall
