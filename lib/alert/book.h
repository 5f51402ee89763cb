#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "alert/conditions.h"

namespace pgrecall {

class Database;

// Somebody knows, and does not want to be told for a while.
struct Silence {
  std::int64_t id = 0;
  std::string cluster;
  std::string alert;  // its name; empty: all alerts of the cluster
  std::string why;
  std::string who;  // "uid 0"
  Time created{};
  Time until{};  // ended earlier: when that was
};

enum class AlertState {
  pending,   // wrong, but not for long enough to be told
  firing,    // told, or would have been but for a silence
  settling,  // firing, and no longer wrong; over when it stays so
  resolved,  // over
};
[[nodiscard]] std::string_view name(AlertState state) noexcept;

// How an alert stands. A plain value.
struct AlertEntry {
  Alert alert;
  std::string fingerprint;
  AlertState state = AlertState::pending;
  Time since{};                  // when it began
  std::optional<Time> told;      // last; nothing: nobody was told
  std::uint64_t times_told = 0;  // without the message that it is over
  std::optional<Time> resolved;
  std::optional<Silence> silence;  // that keeps it from being told now
};

// Which alerts there are, since when, who was told and when they are to be told again: decides what is told, once each. In tables
// of the journal's file, over a connection of its own, durable: a daemon that dies and comes back tells nothing twice and forgets
// nothing. For one thread. Errors: those of Database.
//
// Where nothing can be written, as on a full disk, it goes on from memory: everything is decided and told all the same, the
// caller hears of it by an Error, and what was not written is written as soon as that can be done.
class AlertBook {
 public:
  struct Options {
    std::chrono::microseconds repeat_interval = std::chrono::hours(4);
    std::chrono::microseconds settle = std::chrono::minutes(5);  // of what comes back soon after it was over
    std::string host;
  };
  // Stores what is to be told. It must not be lost once this returned; what throws is tried again with the next update. The same
  // notification may come twice (fingerprint, state and `told` alike) when the daemon dies in between.
  using Tell = std::function<void(const Notification&)>;

  // <directory>/state.db, after Journal::open() has seen that the file is sound; makes the tables where they are absent.
  AlertBook(const std::string& directory, Tell tell);
  ~AlertBook();
  AlertBook(const AlertBook&) = delete;
  AlertBook& operator=(const AlertBook&) = delete;

  // Something that happened once: an alert from the next update on, until that time; also when it throws.
  void happen(const Alert& alert, Time until);

  // What is wrong now; call it every few seconds. What is not among that is over, unless nothing is known of it. When it throws,
  // all the rest is done.
  void update(const Judgement& judgement, const Options& options, Time now);
  // Writes something, to see whether that can be done.
  void try_writing(Time now);

  // Open ones (pending, firing, settling), the oldest first.
  [[nodiscard]] std::vector<AlertEntry> open(Time now) const;
  // Those that are over, the newest first.
  [[nodiscard]] std::vector<AlertEntry> past(unsigned limit) const;

  // Nothing of the cluster is told for a while, or nothing of its alerts of one name. `wanted` has all but the id; returns it.
  Silence silence(const Silence& wanted);
  // Ends the silences of the cluster, or those of its alerts of one name; how many there were.
  std::size_t end_silences(const std::string& cluster, const std::string& alert, Time now);
  // In force, by cluster and end.
  [[nodiscard]] std::vector<Silence> silences(Time now) const;

  // Forgets what was over before.
  void forget(Time before);

 private:
  // What is still to be handed to `tell`.
  enum class Owed { nothing, firing, repeated, resolved };
  struct Row {
    AlertEntry entry;
    std::optional<Time> gone;  // since when it is no longer wrong
    std::chrono::microseconds settle{};
    Owed owed = Owed::nothing;
    Time owed_since{};  // Notification::told
    bool changed = false;
  };
  struct Happening {
    Alert alert;
    Time until{};
    bool written = true;
  };

  void load();
  void load_silences();
  void load_happenings();
  void add_happenings(std::vector<Judged>& conditions, Time now);
  void begin(const Judged& judged, const std::string& fingerprint, const Options& options, Time now);
  void go_on(Row& row, const Judged& judged, Time now);
  void may_end(Row& row, const Judgement& judgement, Time now);
  void decide(Row& row, const Judged& judged, const Options& options, Time now);
  [[nodiscard]] bool is_explained(const Alert& alert) const;
  void forgive_clock(Row& row, Time now);
  void store_changes(Time now);
  void store(const Row& row);
  void store(const Happening& happening);
  void pay(const Options& options);
  void pay(Row& row, const Options& options);
  void close(const Row& row);
  [[nodiscard]] bool ended_lately(const std::string& fingerprint, std::chrono::microseconds span, Time now) const;
  [[nodiscard]] const Silence* silence_of(const Alert& alert, Time now) const;

  std::unique_ptr<Database> database_;
  Tell tell_;
  std::map<std::string, Row> rows_;              // by fingerprint
  std::map<std::string, Happening> happenings_;  // by fingerprint
  std::map<std::string, Time> ended_;            // by fingerprint, when it was over last
  std::vector<Row> unclosed_;                    // over and told, but not yet written down to be so
  std::vector<Silence> silences_;
};

// The open alerts as they were last worked out, for all threads.
class AlertBoard {
 public:
  void publish(std::shared_ptr<const std::vector<AlertEntry>> entries) {
    const std::lock_guard lock(mutex_);
    entries_ = std::move(entries);
  }
  // Null before the first.
  [[nodiscard]] std::shared_ptr<const std::vector<AlertEntry>> read() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<AlertEntry>> entries_;
};

}  // namespace pgrecall
