#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "alert/heartbeats.h"
#include "service/alerts.h"
#include "service/cluster_guard.h"
#include "service/run_queue.h"
#include "service/schedules.h"

namespace pgrecall {

// What the daemon decides: which clusters are looked after, which runs start, what a reload changes, and how everything ends. All
// of it happens in one thread, that of `desk`, which may wait for the state's disk; the thread of the control socket never does.
// Guards and runs have threads of their own and tell what happens by posting to the desk.
class Supervisor final : private GuardListener, private RunQueueOwner {
 public:
  struct Options {
    std::string config_file;
    const Clock* clock = nullptr;         // of schedules; outlives it
    const Clock* engine_clock = nullptr;  // of everything else; outlives it
    double clock_speed = 1;               // seconds of `clock` in a second
    // Called with each new configuration that holds; returns what changes by it elsewhere, for people, or throws why it does not.
    std::function<std::string(const Config&)> on_reload;
    Heartbeats* heartbeats = nullptr;  // hear of runs; null: nobody does
  };
  // `journal`, `alerts` and `log` outlive it. `on_ended` is called once, when the drain is over.
  Supervisor(boost::asio::io_context& desk, Config config, Options options, Journal& journal, Alerts& alerts, ServiceLog& log,
             std::function<void()> on_ended);
  ~Supervisor() override;

  // The rest is for the desk's thread.

  // Guards start, and what an earlier daemon left is taken up.
  void start();
  // Starts what is due. Called by itself when something changes, and at least every few seconds of real time.
  void tick();
  // Reads the configuration anew. Returns what changed, for people; an invalid one changes nothing: Error{configuration}.
  std::string reload();
  // No run starts any more; those under way have `daemon.drain_limit`, then they are asked to stop. Again: they are asked at
  // once.
  void drain();

  // How the newest attempt to read the configuration anew went; as good as the start before there was one.
  struct Reload {
    bool good = true;
    std::string problem;
    std::optional<Time> success;
    std::uint64_t count = 0;  // of valid ones since the start
  };
  [[nodiscard]] const Reload& last_reload() const noexcept { return reload_; }
  // The repositories that everything here works with. Safe for many threads; lives as long as this.
  [[nodiscard]] RepositoryPool& pool() noexcept { return pool_; }

  enum class State { running, draining };
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] RunQueue& queue() noexcept { return queue_; }
  [[nodiscard]] const RunQueue& queue() const noexcept { return queue_; }
  [[nodiscard]] const Schedules& schedules() const noexcept { return schedules_; }
  [[nodiscard]] Journal& journal() noexcept { return journal_; }
  [[nodiscard]] Alerts& alerts() noexcept { return alerts_; }
  [[nodiscard]] const Alerts& alerts() const noexcept { return alerts_; }
  [[nodiscard]] const Clock& clock() const noexcept { return *options_.clock; }
  [[nodiscard]] Time started() const noexcept { return started_; }
  [[nodiscard]] const std::string& config_file() const noexcept { return options_.config_file; }
  // The journal's file cannot be written.
  struct JournalTrouble {
    Time since{};
    std::string problem;
  };
  [[nodiscard]] const std::optional<JournalTrouble>& journal_trouble() const noexcept { return journal_trouble_; }
  // Nothing while a cluster has no guard.
  [[nodiscard]] std::optional<GuardStatus> guard_status(const std::string& cluster) const;
  // What the service manager shows.
  [[nodiscard]] std::string status_line() const;
  // A run that somebody asks for. Error{usage}, Error{held} while draining.
  [[nodiscard]] Run request_run(const std::string& cluster, JobKind kind, const nlohmann::ordered_json& options,
                                const std::string& who);

 private:
  struct Guarded {
    std::unique_ptr<ClusterGuard> guard;
    bool taken = false;
    bool leaving = false;  // it was asked to end; the next one for this cluster starts when it has
  };

  // GuardListener: from any thread.
  void on_line(const std::string& cluster, LogLevel level, const std::string& text) noexcept override;
  void on_trouble(const std::string& cluster, const std::string& text, const std::string& hint) noexcept override;
  void on_wal_event(const std::string& cluster, const WalEvent& event) noexcept override;
  void on_taken(const std::string& cluster, const BackupFacts& facts) noexcept override;
  void on_ended(const std::string& cluster) noexcept override;
  // RunQueueOwner.
  [[nodiscard]] bool is_ours(const std::string& cluster) const override;
  void post(std::function<void()> call) override;
  void on_run_over(const Run& run) override;
  void on_given_up(const Run& run) override;
  void on_run_started(const Run& run) override;
  void on_run_ended(const Run& run, Retry retry) override;

  void taken(const std::string& cluster, const BackupFacts& facts);
  void ended(const std::string& cluster);
  void remember_backups(const std::string& cluster, const BackupFacts& facts);
  void start_first_backup(const std::string& cluster, const BackupFacts& facts);
  void repair(const std::string& cluster, const std::string& why);
  void start_guard(const std::string& cluster);
  void apply(Config config, std::string& changes);
  void tell_others(std::string& changes);
  [[nodiscard]] std::optional<Time> start_what_is_due();
  void start_due(const Schedules::Due& due);
  void note_skipped(const Schedules::Skipped& skipped);
  void tell_lost_wal(const std::string& cluster, const WalEvent& event);
  void look_after_journal();
  void wake_at(std::optional<Time> time);
  void end_if_done();
  void guarded_call(const std::function<void()>& call) noexcept;
  void say(LogLevel level, const LogFields& fields, const std::string& text);
  [[nodiscard]] ClusterGuard::Options guard_options(const std::string& cluster) const;

  boost::asio::io_context& desk_;
  Config config_;
  const Options options_;
  Journal& journal_;
  Alerts& alerts_;
  ServiceLog& log_;
  const std::function<void()> on_ended_;
  Time started_{};
  Reload reload_;
  State state_ = State::running;
  bool guards_stopping_ = false;
  bool over_ = false;
  RepositoryPool pool_;
  RunQueue queue_;
  Schedules schedules_;
  std::map<std::string, Guarded> guards_;
  std::optional<JournalTrouble> journal_trouble_;
  std::chrono::steady_clock::time_point journal_tried_;
  boost::asio::steady_timer wake_;
  boost::asio::steady_timer drain_limit_;
};

}  // namespace pgrecall
