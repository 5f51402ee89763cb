#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/progress.h"

namespace pgrecall {

// Bytes per second, smoothed over about five seconds, from what was done at which moment. Moments come from the caller.
class RateEstimate {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  void observe(std::uint64_t done, Moment now);
  // 0 until something was observed twice.
  [[nodiscard]] double bytes_per_second() const noexcept { return rate_; }

 private:
  std::optional<Moment> last_;
  std::uint64_t last_done_ = 0;
  std::chrono::duration<double> observed_{0};
  double rate_ = 0;
};

// How far an operation is, at one moment.
struct ProgressView {
  Progress::Snapshot at;
  double bytes_per_second = 0;
  std::chrono::milliseconds elapsed{};

  // 0 to 100, rounded down; never 100 before all is done, as the total is an estimate. Nothing while the total is unknown.
  [[nodiscard]] std::optional<unsigned> percent() const noexcept;
  // Nothing while it cannot be told.
  [[nodiscard]] std::optional<std::chrono::milliseconds> left() const noexcept;
};

// "copying  1.23 GB of 4.71 GB  26%  412 MB/s  8.4 s left  stored 210 MB", cut to `width` cells; with a bar where there is room.
[[nodiscard]] std::string format_progress_line(const ProgressView& view, std::size_t width);
// "copying: 1.23 GB of 4.71 GB, 26%, 412 MB/s, 8.4 s left, stored 210 MB": for logs.
[[nodiscard]] std::string format_progress_text(const ProgressView& view);
// One line of JSON, documented in docs/json-output.md.
[[nodiscard]] std::string format_progress_json(const ProgressView& view);

}  // namespace pgrecall
