#include "service/space_trend.h"

#include <algorithm>

namespace pgrecall {

namespace {
using Seconds = std::chrono::duration<double>;

constexpr std::size_t fewest_samples = 3;
constexpr Seconds shortest_span = std::chrono::hours(24);
constexpr double longest_wait_seconds = 100 * 365.0 * 86400;
}  // namespace

std::optional<double> space_trend(const std::vector<SpaceSample>& samples) {
  if (samples.size() < fewest_samples || samples.back().time - samples.front().time < shortest_span) {
    return std::nullopt;
  }
  std::vector<double> slopes;
  slopes.reserve(samples.size() * (samples.size() - 1) / 2);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = i + 1; j < samples.size(); ++j) {
      const double span = Seconds(samples[j].time - samples[i].time).count();
      if (span > 0) {
        slopes.push_back((static_cast<double>(samples[j].used_bytes) - static_cast<double>(samples[i].used_bytes)) / span);
      }
    }
  }
  if (slopes.empty()) {
    return std::nullopt;
  }
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return *middle;
}

std::optional<Time> full_at(Time now, std::uint64_t free_bytes, std::optional<double> growth_bytes_per_second) {
  if (!growth_bytes_per_second || *growth_bytes_per_second <= 0) {
    return std::nullopt;
  }
  const double seconds = static_cast<double>(free_bytes) / *growth_bytes_per_second;
  if (seconds > longest_wait_seconds) {
    return std::nullopt;
  }
  return now + std::chrono::duration_cast<std::chrono::microseconds>(Seconds(seconds));
}

}  // namespace pgrecall
