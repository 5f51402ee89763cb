#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "engine/wal/reception.h"
#include "journal/run.h"
#include "repository/lease.h"
#include "service/repository_pool.h"
#include "service/server_facts.h"
#include "service/window_facts.h"

namespace pgrecall {

// What the repository tells of a cluster's backups: enough to go on with a schedule whose journal is lost.
struct KnownBackup {
  std::string id;
  std::string keep;  // "daily"
  Time started{};
  Time finished{};
};
struct BackupFacts {
  std::vector<KnownBackup> backups;    // the newest 200, oldest first
  std::map<std::string, Time> newest;  // start of the newest of each kind of `keep`: "daily"
  std::optional<Time> newest_started;
  std::optional<Time> newest_verified;
};

enum class GuardState {
  opening,          // the repository, or the lease in it; `problem` says what fails
  held_by_another,  // another daemon works on this cluster; this one waits
  active,
  stopped,
};
[[nodiscard]] std::string_view name(GuardState state) noexcept;

struct GuardStatus {
  GuardState state = GuardState::opening;
  std::string problem;
  std::string hint;
  std::optional<Lease::Holder> holder;
  std::optional<WalReceiverStatus> receiver;
  std::string receiver_problem;  // why there was none last, until one is connected
  std::string receiver_hint;
  std::shared_ptr<const WalCounters> counters;  // of all receivers since the guard began; never null
  ServerFacts server;
  WindowFacts window;
};

// What a guard tells, from threads of its own. Must return soon and not throw.
class GuardListener {
 public:
  virtual ~GuardListener() = default;
  virtual void on_line(const std::string& cluster, LogLevel level, const std::string& text) noexcept = 0;
  // Something that goes wrong; status() tells it too, for as long as it does.
  virtual void on_trouble(const std::string& cluster, const std::string& text, const std::string& hint) noexcept = 0;
  virtual void on_wal_event(const std::string& cluster, const WalEvent& event) noexcept = 0;
  // The cluster's work is ours: runs may start.
  virtual void on_taken(const std::string& cluster, const BackupFacts& facts) noexcept = 0;
  // Its threads are about to return; destroying the guard does not wait any more.
  virtual void on_ended(const std::string& cluster) noexcept = 0;
};

// Looks after one cluster for as long as the daemon has it: holds the lease `daemon-<cluster>`, so that of several daemons one
// alone works on it; receives its WAL, again and again whatever ends it; keeps an eye on its recovery window. Two threads of its
// own; whatever they meet stays within.
//
// Receiving goes on when the lease cannot be renewed because the store fails: what was received stays in the spool, and two
// receivers do no harm. Only another holder ends it.
class ClusterGuard {
 public:
  struct Options {
    std::string cluster;
    ClusterConfig config;
    RepositoryConfig repository;
    std::string spool;
    std::string state;
  };
  // Starts at once. `pool`, `clock` and `listener` outlive it.
  ClusterGuard(Options options, RepositoryPool& pool, const Clock& clock, GuardListener& listener);
  // Stops, and waits until what was received is stored or stays in the spool.
  ~ClusterGuard();
  ClusterGuard(const ClusterGuard&) = delete;
  ClusterGuard& operator=(const ClusterGuard&) = delete;

  void request_stop();
  // Works the recovery window out anew, soon.
  void look_again();
  // A receiver that waits before it tries again tries now: a backup may have told that the server is the cluster's.
  void receive_again();
  [[nodiscard]] GuardStatus status() const;
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  class Events;

  void run(const std::stop_token& stop);
  void guard(const std::stop_token& stop);
  [[nodiscard]] bool take(const std::stop_token& stop);
  void hold(const std::stop_token& stop);
  [[nodiscard]] bool still_ours();
  void compute_window_facts();
  void note_window(WindowFacts facts);
  void watch_server(const std::stop_token& stop);
  void receive(const std::stop_token& stop);
  void receive_once(const std::stop_token& stop);
  void failed(const std::exception& error);
  // False when asked to stop.
  bool wait(const std::stop_token& stop, std::chrono::milliseconds duration);
  template <typename Change>
  void change(const Change& apply);

  const Options options_;
  RepositoryPool& pool_;
  const Clock& clock_;
  GuardListener& listener_;

  std::shared_ptr<const OpenRepository> repository_;
  std::unique_ptr<Lease> lease_;
  DrillHistory drills_;
  std::string told_;  // the trouble that was told last

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any wake_;
  bool look_ = false;
  std::condition_variable_any wake_receiver_;
  bool receive_again_ = false;
  GuardStatus status_;
  std::optional<LostWal> lost_;
  std::unique_ptr<WalReception> reception_;
  const std::shared_ptr<WalCounters> counters_ = std::make_shared<WalCounters>();

  std::jthread thread_;
};

}  // namespace pgrecall
