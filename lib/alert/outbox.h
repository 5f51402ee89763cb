#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "alert/alert.h"

namespace pgrecall {

class Database;

// One message to one receiver that waits to be sent.
struct Outgoing {
  std::int64_t id = 0;
  std::string receiver;
  Notification notification;
  Time added{};
  std::optional<Time> first_try;   // nothing: none was made
  std::optional<Time> not_before;  // of the next try
  unsigned tries = 0;
  std::string problem;  // of the newest try
};

// What is to be told to whom, until it was told: a table in the journal's file, over a connection of its own, durable also over a
// loss of power. Safe for many threads. Errors: those of Database.
//
// At least once: a message goes only when its receiver has taken it, or when it is given up.
//
// What cannot be written, as on a full disk, is kept in memory and sent all the same: better told twice, should the daemon die
// before it can be written, than to nobody.
class Outbox {
 public:
  // <directory>/state.db, after Journal::open() has seen that the file is sound; makes the table where it is absent.
  explicit Outbox(const std::string& directory);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // One message to each of the receivers; durable when it returns, unless the file cannot be written. What was added before (the
  // same fingerprint, state and Notification::told) is not added again. Of an alert whose first message still waits for a
  // receiver, a repetition is left out for it, and a repetition that still waits is replaced by whatever is newer.
  void add(const Notification& notification, const std::vector<std::string>& receivers);

  // Called after something was added, from whatever thread added it. Set before other threads use the outbox.
  void on_added(std::function<void()> call) { on_added_ = std::move(call); }

  // What waits for the receiver, oldest first.
  [[nodiscard]] std::vector<Outgoing> waiting(const std::string& receiver) const;
  [[nodiscard]] std::uint64_t count_waiting(const std::string& receiver) const;
  // All that there are messages for, waiting.
  [[nodiscard]] std::vector<std::string> receivers() const;

  void mark_sent(std::int64_t id, Time when);
  void mark_tried(std::int64_t id, Time when, Time not_before, const std::string& problem);
  // It will not be sent: refused for good, given up, or its receiver is gone.
  void mark_dropped(std::int64_t id, Time when, const std::string& problem);
  // What failed before is tried again at once: the receiver is back.
  void retry_soon(const std::string& receiver);
  // Writes what could not be written before, if there is any.
  void write_kept();
  // Forgets what was sent or dropped before.
  void forget(Time before);

 private:
  // A message that could not be written. Its id is below 0, and stays good once it is written, as it may be on its way.
  struct Kept {
    Outgoing message;
    bool written = false;
    std::optional<Time> ended;
    bool sent = false;
    std::string problem;
  };
  void keep(const Notification& notification, const std::string& receiver);
  void write(const Kept& kept);
  void end(std::int64_t id, Time when, bool sent, const std::string& problem);

  mutable std::mutex mutex_;
  std::unique_ptr<Database> database_;
  std::map<std::int64_t, Kept> kept_;
  std::int64_t next_kept_ = -1;
  std::function<void()> on_added_;
};

}  // namespace pgrecall
