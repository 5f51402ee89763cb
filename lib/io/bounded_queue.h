#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace pgrecall {

// Joins two stages of a pipeline: a producer that is faster waits, so memory is bounded. For many producers and consumers.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits for room. False when the queue was closed or cancelled: `value` is then dropped and the producer ends.
  [[nodiscard]] bool push(T value) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) {
      return false;
    }
    items_.push_back(std::move(value));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  // Waits for an item. Nothing when the queue is closed and empty, or cancelled.
  [[nodiscard]] std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) {
      return std::nullopt;
    }
    std::optional<T> value(std::move(items_.front()));
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return value;
  }

  // No more items come; those inside are still handed out.
  void close() { shut(nullptr); }

  // Drops what is inside and wakes everybody: for the way out after an error.
  void cancel() {
    std::deque<T> dropped;
    shut(&dropped);
  }

 private:
  void shut(std::deque<T>* dropped) {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      if (dropped != nullptr) {
        dropped->swap(items_);
      }
    }
    filled_.notify_all();
    room_.notify_all();
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable room_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace pgrecall
