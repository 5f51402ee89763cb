#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace pgrecall {

// How many observations were "at most `bound`": counts as Prometheus keeps them, not cumulative here. A plain value.
struct Histogram {
  std::vector<double> bounds;         // ascending, seconds
  std::vector<std::uint64_t> counts;  // one more than bounds
  double sum = 0;                     // seconds
};

// Counts durations from half a millisecond to a minute. Safe for many threads, without a lock.
class DurationHistogram {
 public:
  void observe(std::chrono::steady_clock::duration duration) noexcept {
    const double seconds = std::chrono::duration<double>(duration).count();
    std::size_t at = 0;
    while (at < bounds.size() && seconds > bounds[at]) {
      ++at;
    }
    counts_[at].fetch_add(1, std::memory_order_relaxed);
    sum_nanoseconds_.fetch_add(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()),
                               std::memory_order_relaxed);
  }

  [[nodiscard]] Histogram read() const {
    Histogram histogram{{bounds.begin(), bounds.end()}, {}, 0};
    for (const std::atomic<std::uint64_t>& count : counts_) {
      histogram.counts.push_back(count.load(std::memory_order_relaxed));
    }
    histogram.sum = static_cast<double>(sum_nanoseconds_.load(std::memory_order_relaxed)) / std::nano::den;
    return histogram;
  }

 private:
  static constexpr std::array<double, 15> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                 0.25,   0.5,   1,      2.5,   5,    10,    60};
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_nanoseconds_{0};
};

}  // namespace pgrecall
