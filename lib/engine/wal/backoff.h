#pragma once

#include <chrono>
#include <random>
#include <stop_token>

#include "io/rate_limiter.h"

namespace pgrecall {

// How long to wait before the next try: twice as long each time, up to `longest`, less a random part of up to half, so that many
// clients of what comes back do not come all at once. One thread.
class Backoff {
 public:
  explicit Backoff(std::chrono::milliseconds longest = std::chrono::seconds(30)) : longest_(longest) {}

  [[nodiscard]] std::chrono::milliseconds next() {
    const auto full = delay_;
    delay_ = std::min(longest_, delay_ * 2);
    return full - std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, full.count() / 2)(random_));
  }
  void reset() noexcept { delay_ = first; }

 private:
  static constexpr std::chrono::milliseconds first{100};
  const std::chrono::milliseconds longest_;
  std::chrono::milliseconds delay_ = first;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace pgrecall
