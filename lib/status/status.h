#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"

// How the daemon and all that it looks after stand at one moment: what metrics, alert conditions and the status page are made of.
// Plain values, worked out by the service alone; whoever reads them asks nobody, neither server nor repository.

namespace pgrecall {

// Files from outside of the database that are kept with a backup.
struct CompanionFigures {
  std::string name;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string problem;  // why the backup does not have it; empty when it does
};

// One backup, as far as alerts and charts need it.
struct BackupFigures {
  std::string id;
  std::string keep;  // "daily"
  Time started{};
  Time finished{};
  std::uint64_t logical_bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t page_failures = 0;
  bool damaged = false;
  std::vector<CompanionFigures> companions = {};
  bool vault_key = false;  // one of them has what opens Supabase's Vault
};

// One job of one cluster ("daily", "verify"), over all its runs that the journal knows.
struct JobFigures {
  std::string job;
  std::map<std::string, std::uint64_t> runs;      // by result: name(RunState) of those that are over
  std::map<std::string, std::uint64_t> failures;  // by reason: name(ErrorKind)
  std::optional<Time> last_success;               // done, or done with warnings
  std::optional<Time> last_completion;            // done, done with warnings, or failed
  std::optional<double> last_duration_seconds;
  std::map<std::string, double> last_stage_seconds;  // of the newest run that succeeded, by stage
  std::uint64_t missed = 0;                          // due, and never started, nor did a later one stand for it
  std::optional<Time> last_missed;                   // when the newest of them was due
  std::string missed_reason;                         // its text(SkipReason)
  std::optional<Time> next;                          // planned start

  struct Running {
    std::string run;
    Time started{};
    std::string phase;
    std::uint64_t done_bytes = 0;
    std::uint64_t expected_bytes = 0;  // 0 while unknown
    Time progress{};                   // when done_bytes moved last
  };
  std::optional<Running> running;

  // The newest run that ended by itself; empty `last_run` when there is none.
  std::string last_run;
  std::string last_result;  // name(RunState)
  std::string last_error_kind;
  std::string last_error_message;
  std::string last_error_hint;
  bool tried_again = false;         // a retry of it waits or runs
  bool needs_confirmation = false;  // an expire that would remove so much that somebody has to confirm it
};

struct SlotFigures {
  Time asked{};
  bool exists = false;
  std::string wal_status;  // "reserved", "extended", "unreserved", "lost", as pg_replication_slots says it
  std::uint64_t retained_bytes = 0;
  std::optional<std::uint64_t> limit_bytes;  // max_slot_wal_keep_size; nothing: no limit
  std::string problem;                       // why the rest is not known
};

struct WalFigures {
  bool configured = true;
  std::string state;  // name(WalReceiverState); empty without a receiver
  std::string problem;
  std::string hint;
  std::uint64_t lag_bytes = 0;  // the server's end of WAL, as it last told, less what is durable here
  double lag_seconds = 0;
  std::optional<Time> durable_time;   // the server's time until which durable WAL suffices
  std::optional<Time> updated;        // when something was last heard of the server
  std::uint64_t received_bytes = 0;   // since the daemon started
  std::uint64_t stored_segments = 0;  // since the daemon started
  std::uint64_t failures = 0;         // receptions that ended by an error, since the daemon started
  std::uint64_t gaps = 0;             // in the window, as the repository shows them
  bool gap_repaired = false;          // a backup began behind the newest of them
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_limit = 0;
  std::uint64_t refused = 0;
  bool store_failing = false;
  std::optional<SlotFigures> slot;
  Histogram acknowledge_seconds;  // from receiving to acknowledging
};

// What drills proved and measured, as the repository has it.
struct DrillFigures {
  std::optional<Time> proven_until;            // the latest moment that a drill reached
  std::optional<Time> last_success;            // when the newest that passed ended
  std::optional<Time> last_completion;         // of those that did not pass, too
  std::string last_problem;                    // of the newest, where it did not pass
  std::optional<double> last_restore_seconds;  // of the newest that passed
  std::optional<double> last_replay_seconds;
  std::optional<double> recovery_seconds;  // that bringing back the newest moment would take, by what drills took
};

// What is promised for the cluster, as configured.
struct Targets {
  double window_seconds = 0;
  double rpo_seconds = 0;
  double backup_max_age_seconds = 0;  // 0: none is promised
  double wal_interruption_seconds = 0;
  std::uint64_t slot_retained_bytes = 0;
  double drill_max_age_seconds = 0;  // 0: none is promised
};

// Something that lets us in, and ends.
struct CredentialFigures {
  std::string credential;  // "password of role backup", "certificate client.crt"
  Time expires{};
};

// Any moment from the one to the other can be recovered.
struct SpanFigures {
  Time from{};
  Time until{};
};

struct ClusterFigures {
  std::string cluster;
  std::string timezone;  // of its schedule
  std::string repository;
  std::string state;  // name(GuardState)
  bool ours = false;  // this daemon works on it
  std::string problem;
  std::string hint;
  Time guarded_since{};  // when this daemon began to look after it
  Targets targets;

  std::optional<Time> recoverable_from;
  std::optional<Time> recoverable_until;
  std::vector<SpanFigures> spans;            // of its newest timeline, oldest first; the last is the window above
  bool window_broken = false;                // a gap lies within the promised window
  bool window_awaited = false;               // one may: the receiver has not come there yet, and may bring what is missing
  std::string window_problem;                // why the window is not known, or old
  std::optional<Time> window_computed;       // nothing: nothing of the repository is known yet
  std::optional<Time> first_backup_started;  // of all that there ever were
  std::vector<BackupFigures> backups;        // oldest first, at most the newest 400
  std::map<std::string, std::uint64_t> backups_by_keep;
  std::optional<Time> newest_backup_started;
  std::uint64_t damaged_objects = 0;  // of the newest verify
  std::string damage;                 // its first finding
  DrillFigures drill;
  std::vector<JobFigures> jobs;
  WalFigures wal;
  std::vector<CredentialFigures> credentials;  // whose end is known
  bool vault_key_expected = false;             // it is a Supabase, and not whole without

  // Whether the newest backup lacks what opens Supabase's Vault, be it that there is none yet.
  [[nodiscard]] bool lacks_vault_key() const {
    return vault_key_expected && window_computed && (backups.empty() || !backups.back().vault_key);
  }
};

struct RepositoryFigures {
  std::string repository;
  std::string problem;  // why what follows is not known, or old
  std::optional<std::uint64_t> stored_bytes;
  std::optional<std::uint64_t> free_bytes;
  std::optional<std::uint64_t> capacity_bytes;
  std::optional<double> growth_bytes_per_second;  // trend of the used bytes; nothing before there is one
  std::optional<Time> full_at;                    // when that trend meets the capacity
  std::map<std::pair<std::string, std::string>, std::uint64_t>
      requests;                                      // by operation ("put") and code ("ok", or name(ErrorKind))
  std::map<std::string, Histogram> request_seconds;  // by operation
  std::uint64_t bytes_in = 0;                        // read from it, since the daemon started
  std::uint64_t bytes_out = 0;
  std::uint64_t retries = 0;
};

// One receiver of alerts, since the daemon started.
struct ReceiverFigures {
  std::string receiver;
  std::uint64_t delivered = 0;                    // messages that it took
  std::map<std::string, std::uint64_t> failures;  // tries that failed, by reason: "timeout", "status_503", "refused" ...
  std::uint64_t waiting = 0;                      // messages, now
  std::optional<Time> last_success;
  std::optional<Time> failing_since;  // nothing while the newest try succeeded
  std::string problem;                // of the newest try, while it fails
  bool barred = false;                // nothing gets through before somebody mends its address or login
  std::uint64_t given_up = 0;         // messages that were not taken in time, or refused for good
  std::optional<Time> last_given_up;
};

struct HeartbeatFigures {
  std::string heartbeat;
  std::optional<Time> last_success;
  std::uint64_t failures = 0;
  std::optional<Time> failing_since;  // nothing while the newest call succeeded
  std::string problem;                // of the newest call, while it fails
};

struct ServiceFigures {
  Time taken{};    // when all of this held, by this host's clock
  Time started{};  // of the daemon
  std::string version;
  std::string state;  // "running", "draining"
  bool reload_good = true;
  std::string reload_problem;
  std::optional<Time> reload_success;
  std::string web_problem;                    // why metrics and status page are not as configured; empty where they are
  std::optional<Time> clock_jumped;           // newest
  double clock_jump_seconds = 0;              // forwards positive
  std::optional<Time> journal_rebuilt;        // it was damaged when the daemon started
  std::optional<Time> journal_failing_since;  // what changes is kept in memory alone
  std::string journal_problem;                // why; empty while it is not
  std::string state_problem;                  // why the daemon's own state cannot be written, be it the journal or the alerts
  std::vector<ClusterFigures> clusters;
  std::vector<RepositoryFigures> repositories;
  std::map<std::string, std::uint64_t> alerts_open;  // that fire, by severity
  std::vector<ReceiverFigures> receivers;
  std::vector<HeartbeatFigures> heartbeats;
};

// The newest figures, for all threads: written by one, never null once set.
class FiguresBoard {
 public:
  void publish(std::shared_ptr<const ServiceFigures> figures) {
    const std::lock_guard lock(mutex_);
    figures_ = std::move(figures);
  }
  // Null before the first.
  [[nodiscard]] std::shared_ptr<const ServiceFigures> read() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ServiceFigures> figures_;
};

}  // namespace pgrecall
