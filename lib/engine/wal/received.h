#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/lsn.h"
#include "repository/wal_times.h"

namespace pgrecall {

// Something in the spool that the repository is to hold.
struct SpoolItem {
  enum class Kind {
    segment,  // complete
    rest,     // a partial file that nobody goes on with: its timeline ended, or a gap follows
    history,
  };
  Kind kind = Kind::segment;
  WalSegment segment;
  std::uint64_t length = 0;  // of a rest: bytes from the start of the segment
  Timeline timeline = 0;     // of a history
  std::uint64_t number = 0;  // its place in the order of receiving
};

// What was received and where it stands between server, spool and repository: the one thing that the threads of a receiver share.
// Safe for many threads; the receiving one takes the lock once a batch, and once a segment.
class ReceivedWal {
 public:
  // The receiving thread says.

  // The segment that grows now, nothing of it durable yet. Whether the repository has tails of it is to be asked when an earlier
  // process may have put some.
  enum class Tails { none_yet, to_be_asked };
  void begin(const WalSegment& segment, Tails tails);
  // All WAL up to here is synced.
  void set_durable(Lsn durable);
  void complete(const WalSegment& segment);
  // The segment that grows is given up at `length` bytes.
  void give_up(const WalSegment& segment, std::uint64_t length);
  void add_history(Timeline timeline);
  // Found in the spool at the start: oldest first, before anything else.
  void add_found(const WalSegment& segment) { complete(segment); }
  // At `at.time` the server had no WAL behind `at.lsn`.
  void add_time(const WalTime& at);
  // The same before nothing more comes: it is kept however soon it follows on another one.
  void add_last_time(const WalTime& at);

  // The threads that store.

  // The next thing to be stored; waits. Nothing once finish() was called and nothing is left, or when stopped.
  [[nodiscard]] std::optional<SpoolItem> take();
  void stored(const SpoolItem& item);
  // Nobody could store it for a reason that does not pass by itself; its file stays.
  void give_up_storing(const SpoolItem& item);

  struct Growing {
    WalSegment segment;
    Lsn durable;
    Lsn tail_end;  // the repository's tails of it end here; 0/0 while nobody asked
  };
  [[nodiscard]] std::optional<Growing> growing() const;
  void tail_stored(const WalSegment& segment, Lsn until);
  // Waits until WAL behind `known` is durable, or finish() is called, for at most `longest`. Without `known` growth wakes nobody.
  void wait_for_growth(std::optional<Lsn> known, std::chrono::milliseconds longest);

  // The newest time that the repository's WAL suffices for; forgets older ones.
  [[nodiscard]] std::optional<WalTime> take_time();

  // The newest time that the spool's durable WAL suffices for.
  [[nodiscard]] std::optional<Time> durable_time() const;
  [[nodiscard]] Lsn durable() const noexcept { return Lsn{durable_.load(std::memory_order_acquire)}; }
  // WAL of the present timeline is in the repository, with all that came before it, up to here; 0/0 while older WAL waits.
  [[nodiscard]] Lsn stored_until() const noexcept { return Lsn{stored_until_.load(std::memory_order_acquire)}; }
  [[nodiscard]] bool holds_rest_of(const WalSegment& segment) const;

  struct Waiting {
    std::uint64_t segments = 0;
    std::uint64_t refused = 0;
    std::optional<WalSegment> last_complete;
    std::optional<WalSegment> last_stored;
    std::uint64_t stored_segments = 0;  // whole ones, ever
  };
  [[nodiscard]] Waiting waiting() const;
  // Waits until something was stored, or `longest`.
  void wait_for_room(std::chrono::milliseconds longest, const std::stop_token& stop);

  // Nothing more comes: take() hands out what is left, then nothing.
  void finish();
  // take() hands out nothing any more.
  void cancel();
  [[nodiscard]] bool finishing() const;
  // Called in any thread whenever stored_until() may have moved; once this returns, the one before is not called any more.
  void on_stored(std::function<void()> callback);

 private:
  struct Pending {
    SpoolItem item;
    Lsn tail_end;
    bool taken = false;
    bool refused = false;
  };
  void add(SpoolItem item, Lsn tail_end);
  void update_stored_until();
  void notify_stored();

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable grown_;
  std::atomic<bool> growth_awaited_{false};
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_number_ = 0;
  std::optional<WalSegment> growing_;
  Lsn tail_end_;
  Timeline timeline_ = 0;
  Lsn complete_until_;  // end of the last complete segment of timeline_
  std::optional<WalSegment> last_complete_;
  std::optional<WalSegment> last_stored_;
  std::deque<WalTime> times_;
  bool finishing_ = false;
  bool cancelled_ = false;
  std::uint64_t stored_count_ = 0;
  std::uint64_t stored_segments_ = 0;
  std::mutex callback_mutex_;
  std::function<void()> on_stored_;

  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> stored_until_{0};
};

}  // namespace pgrecall
