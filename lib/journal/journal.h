#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "journal/run.h"

namespace pgrecall {

class Database;

// Which runs list() gives: all conditions hold; newest first.
struct RunFilter {
  std::string cluster;           // empty: all
  std::vector<RunState> states;  // empty: all
  std::string before;            // an id: only older ones; empty: from the newest on
  unsigned limit = 100;
};

// How many runs of a job ended alike.
struct RunTally {
  std::string job;
  RunState state = RunState::done;  // one that is over
  std::string error_kind;
  std::string reason;  // of skipped ones alone
  std::uint64_t count = 0;
};

// How much of a repository's disk was in use at a time.
struct SpaceSample {
  Time time{};
  std::uint64_t used_bytes = 0;
};

// The daemon's memory: runs, how far each schedule was handled, the log of each run. One SQLite file, one
// connection behind one mutex; safe for many threads. It is a cache: what is lost with it is rebuilt from the repository, and
// only the history of runs is poorer for it.
//
// Survives the end of the process at any moment. Power loss may take the last few changes back, never the file's consistency: a
// job may then run once more. While the file cannot be written (disk full, I/O errors), everything goes on in memory, and what
// changed is lost with the process. Errors: those of Database.
class Journal {
 public:
  // What open() found.
  enum class Found { present, absent, damaged };
  struct Opened;
  // <directory>/state.db; makes both. A damaged file is set aside (state.db.damaged-TIME) and a new one begun. Error{failed} when
  // the file was made by a later version. One that cannot be opened for a reason that may pass is begun in memory.
  static Opened open(const std::string& directory, Time now);
  ~Journal();

  // Adds a run under a new id made of `created`, cluster and job; returns it.
  std::string add(Run run);
  // The same, and set_handled() of its cluster and job, together or not at all: a crash starts nothing twice.
  std::string add_due(Run run, Time handled);
  void update(const Run& run);
  [[nodiscard]] std::optional<Run> find(const std::string& id) const;
  [[nodiscard]] std::vector<Run> list(const RunFilter& filter) const;
  // The newest run of each job of the cluster that ended by itself (done, warnings, failed).
  [[nodiscard]] std::vector<Run> newest_of_each_job(const std::string& cluster) const;
  // The newest runs of the job in one of these states, newest first.
  [[nodiscard]] std::vector<Run> newest_runs(const std::string& cluster, const std::string& job,
                                             const std::vector<RunState>& states, unsigned limit) const;
  // All runs of the cluster that are over, forgotten ones included: no count ever goes back.
  [[nodiscard]] std::vector<RunTally> tallies(const std::string& cluster) const;
  // Another number whenever a run of the cluster was added or changed by this process.
  [[nodiscard]] std::uint64_t changes_of(const std::string& cluster) const;
  // Every run that was running becomes interrupted; returns them. For the start: nothing runs yet.
  [[nodiscard]] std::vector<Run> mark_interrupted(Time now);

  // How far the schedule of a job was dealt with: JobProgress::handled of schedule/planner.h.
  [[nodiscard]] std::optional<Time> handled(const std::string& cluster, const std::string& job) const;
  void set_handled(const std::string& cluster, const std::string& job, Time handled);
  // Due times later than `after` of which there was a run that was not skipped.
  [[nodiscard]] std::vector<Time> started_after(const std::string& cluster, const std::string& job, Time after) const;

  // Notes of the daemon about itself, by name: "rebuilt prod".
  [[nodiscard]] std::string note(const std::string& name) const;
  void set_note(const std::string& name, const std::string& value);

  // Adds a sample of the repository's disk; forgets those before `oldest`, and later ones: a clock that was wrong made them.
  void add_sample(const std::string& repository, const SpaceSample& sample, Time oldest);
  // Oldest first.
  [[nodiscard]] std::vector<SpaceSample> samples(const std::string& repository) const;

  void add_log(const std::string& run, Time time, LogLevel level, const std::string& text);
  // Lines of a run with numbers above `after`, oldest first.
  [[nodiscard]] std::vector<RunLogLine> log_of(const std::string& run, std::int64_t after, unsigned limit) const;

  // Why changes are kept in memory alone; empty while they go to the file.
  [[nodiscard]] std::string problem() const;
  // Brings what is in memory alone to the file, if that can be written again. True when it was brought there.
  bool return_to_file();

  // Forgets runs that were made before, but for their number, with their logs; queued and running ones stay.
  void forget(Time before);

 private:
  Journal(std::string path, std::unique_ptr<Database> database);
  std::string insert(Run& run);
  void changed(const std::string& cluster) { ++changes_[cluster]; }
  // Calls `write`, and once more in memory when the file cannot be written. Under the lock.
  template <typename Write>
  auto writing(const Write& write);
  void go_on_in_memory(const Error& why);

  const std::string path_;
  mutable std::mutex mutex_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> file_;  // while database_ is in memory; null when it could not be opened
  std::string problem_;
  std::map<std::string, std::uint64_t> changes_;
};

template <typename Write>
auto Journal::writing(const Write& write) {
  try {
    return write();
  } catch (const Error& error) {
    if (!problem_.empty() || !error.passing()) {
      throw;
    }
    go_on_in_memory(error);
  }
  return write();
}

struct Journal::Opened {
  std::unique_ptr<Journal> journal;
  Found found = Found::present;
  std::string set_aside;  // path of the damaged file
  std::string problem;    // what was wrong with it
};

}  // namespace pgrecall
