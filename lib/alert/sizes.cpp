#include "alert/sizes.h"

#include <algorithm>
#include <cmath>

namespace pgrecall {

namespace {
constexpr std::size_t fewest_samples = 4;
constexpr std::size_t most_samples = 14;
constexpr double smallest_change = 32.0 * 1024 * 1024;
constexpr double part_of_median = 0.5;
constexpr double deviations = 5;
constexpr double deviation_of_spread = 1.4826;  // of a normal distribution
constexpr double nearly = 0.2;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return *middle;
  }
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}
}  // namespace

std::optional<UnusualSize> unusual_size(const std::vector<std::uint64_t>& sizes) {
  if (sizes.size() < fewest_samples + 1) {
    return std::nullopt;
  }
  const double newest = static_cast<double>(sizes.back());
  const std::size_t samples = std::min(sizes.size() - 1, most_samples);
  const std::vector<double> before(sizes.end() - 1 - static_cast<std::ptrdiff_t>(samples), sizes.end() - 1);
  const double usual = median(before);
  std::vector<double> distances;
  for (const double each : before) {
    distances.push_back(std::abs(each - usual));
  }
  const double spread = median(distances) * deviation_of_spread;
  const double allowed = std::max({smallest_change, part_of_median * usual, deviations * spread});
  const auto beyond = [&](double size) { return std::abs(size - usual) > allowed; };
  if (!beyond(newest)) {
    return std::nullopt;
  }
  const bool stays = beyond(before.back()) && std::abs(newest - before.back()) <= nearly * std::max(newest, before.back());
  return stays ? std::nullopt
               : std::optional(UnusualSize{sizes.back(), static_cast<std::uint64_t>(std::llround(usual)), samples});
}

}  // namespace pgrecall
