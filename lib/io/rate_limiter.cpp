#include "io/rate_limiter.h"

#include <algorithm>
#include <condition_variable>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::chrono::milliseconds burst{250};
}  // namespace

std::chrono::microseconds RateLimiter::book(std::uint64_t bytes) {
  if (rate_ == 0 || bytes == 0) {
    return std::chrono::microseconds(0);
  }
  const std::chrono::duration<double> cost(static_cast<double>(bytes) / static_cast<double>(rate_));
  const std::lock_guard lock(mutex_);
  // Read under the lock, so that a thread with an older time cannot book behind one with a newer.
  const auto now = clock_.steady_now();
  free_at_ = std::max(free_at_, now - burst) + std::chrono::ceil<std::chrono::steady_clock::duration>(cost);
  return free_at_ <= now ? std::chrono::microseconds(0) : std::chrono::ceil<std::chrono::microseconds>(free_at_ - now);
}

void RateLimiter::pass(std::uint64_t bytes, const std::stop_token& stop) { wait_unless_stopped(book(bytes), stop); }

void wait_unless_stopped(std::chrono::microseconds duration, const std::stop_token& stop) {
  if (duration.count() > 0) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    (void)never.wait_for(lock, stop, duration, [] { return false; });
  }
  throw_if_stopped(stop);
}

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw Error(ErrorKind::cancelled, "asked to stop");
  }
}

}  // namespace pgrecall
