#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace pgrecall {

// A token bucket: lets bytes pass at `bytes_per_second`, with bursts of up to a quarter of a second. Safe for many threads.
class RateLimiter {
 public:
  // 0 is no limit.
  RateLimiter(std::uint64_t bytes_per_second, const Clock& clock) : rate_(bytes_per_second), clock_(clock) {}

  // How long the caller must wait before it passes `bytes` on; the bytes are booked already.
  [[nodiscard]] std::chrono::microseconds book(std::uint64_t bytes);
  // book() and wait, by real time whatever the clock. Throws Error{cancelled} when asked to stop meanwhile.
  void pass(std::uint64_t bytes, const std::stop_token& stop);

 private:
  const std::uint64_t rate_;
  const Clock& clock_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point free_at_ = std::chrono::steady_clock::time_point::min();
};

// Waits for `duration`, or throws Error{cancelled} as soon as a stop is requested.
void wait_unless_stopped(std::chrono::microseconds duration, const std::stop_token& stop);
// Throws Error{cancelled} when a stop was requested.
void throw_if_stopped(const std::stop_token& stop);

}  // namespace pgrecall
