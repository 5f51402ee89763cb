#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "journal/journal.h"
#include "schedule/planner.h"

namespace pgrecall {

// The schedules of all clusters, and how far each was dealt with. One thread.
class Schedules {
 public:
  explicit Schedules(Journal& journal) : journal_(journal) {}

  void configure(const Config& config);
  // What the repository shows to have been done: never dealt with again.
  void note_done(const std::string& cluster, const std::string& job, Time when);

  // A run that is to be started now; `handled` goes into the journal with it.
  struct Due {
    std::string cluster;
    std::string job;
    Decision::Start start;
    Time handled;
  };
  struct Skipped {
    std::string cluster;
    std::string job;
    Decision::Skip skip;
  };
  struct Round {
    std::optional<Due> due;        // of all that are due the one that was due first
    std::vector<Skipped> skipped;  // with `due`: what it stands for
    std::optional<Time> wake;
  };
  using Activity = std::function<ClusterActivity(const JobSchedule&)>;
  // Looks at every job whose cluster is among `ours`. Call again after a run was started, until nothing is due.
  [[nodiscard]] Round look(const std::function<bool(const std::string&)>& ours, const Activity& activity, Time now);
  // That the run was started and `handled` kept.
  void started(const Due& due);

  struct Upcoming {
    std::string cluster;
    std::string job;
    Time due;
    Time planned;         // due, and the delay of the spread
    std::string waiting;  // for what; empty when its time has not come
  };
  // The next run of each job, soonest first; of all clusters when `cluster` is empty.
  [[nodiscard]] std::vector<Upcoming> upcoming(const std::string& cluster, Time now) const;

 private:
  struct Job {
    JobSchedule schedule;
    JobProgress progress;
    std::optional<Decision::Wait> waiting;
  };
  void keep(Job& job, const Decision& decision);

  Journal& journal_;
  std::map<std::pair<std::string, std::string>, Job> jobs_;  // by cluster and job
};

}  // namespace pgrecall
