#include "engine/drill/sampling.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace pgrecall {

// Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): the key of each is the logarithm of a uniform
// number, divided by its weight.
std::vector<std::size_t> sampling_order(std::span<const std::uint64_t> sizes, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  std::uniform_real_distribution<double> uniform(1e-12, 1.0);
  std::vector<std::pair<double, std::size_t>> keys;
  keys.reserve(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    keys.emplace_back(std::log(uniform(dice)) / static_cast<double>(sizes[i] + 1), i);
  }
  std::ranges::sort(keys, std::ranges::greater());
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const auto& [key, index] : keys) {
    order.push_back(index);
  }
  return order;
}

}  // namespace pgrecall
