#pragma once

#include <cstdint>
#include <span>
#include <vector>

// What is looked at first where time does not suffice for everything. Pure.

namespace pgrecall {

// The indexes of `sizes` (bytes) in an order by chance, in which larger ones come earlier: each next one is drawn with a
// probability that grows with its size. So within any budget about the same share of all bytes is looked at, and over many drills
// everything.
[[nodiscard]] std::vector<std::size_t> sampling_order(std::span<const std::uint64_t> sizes, std::uint64_t seed);

// "134 of 134", "12 of 134 (4.1 GB of 4.7 GB: the time was over)".
struct Sampled {
  std::size_t looked_at = 0;
  std::size_t all = 0;
  std::uint64_t bytes = 0;
  std::uint64_t all_bytes = 0;

  [[nodiscard]] bool complete() const noexcept { return looked_at == all; }
};

}  // namespace pgrecall
