#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "base/error.h"
#include "engine/wal/events.h"

namespace pgrecall {

// Whether the repository can be written to, as the threads that do so find it. Tells of each change once. Safe for many threads.
class StoreHealth {
 public:
  explicit StoreHealth(WalEvents& events) : events_(events) {}

  void failed(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!failing_.exchange(true)) {
      events_.on_event({.kind = WalEventKind::store_failing,
                        .text = std::string("WAL cannot be stored in the repository and waits in the spool: ") + error.what(),
                        .hint = error.hint(),
                        .timeline = 0,
                        .from = {},
                        .until = {}});
    }
  }

  void worked() {
    if (!failing_.load(std::memory_order_relaxed)) {
      return;
    }
    const std::lock_guard lock(mutex_);
    if (failing_.exchange(false)) {
      events_.on_event({.kind = WalEventKind::store_recovered,
                        .text = "the repository can be written to again",
                        .hint = {},
                        .timeline = 0,
                        .from = {},
                        .until = {}});
    }
  }

  [[nodiscard]] bool failing() const noexcept { return failing_.load(std::memory_order_relaxed); }

 private:
  WalEvents& events_;
  std::mutex mutex_;
  std::atomic<bool> failing_{false};
};

}  // namespace pgrecall
