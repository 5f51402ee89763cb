#pragma once

#include <cstdint>
#include <optional>
#include <vector>

// Whether a backup is of an unusual size. Pure.

namespace pgrecall {

struct UnusualSize {
  std::uint64_t bytes = 0;
  std::uint64_t median = 0;  // of those before
  std::size_t samples = 0;
};

// Compares the last of `sizes` (oldest first, in bytes) with at most 14 before it. Unusual is what is further from their median
// than half of it, than five times their spread (median absolute deviation, scaled to a standard deviation) and than 32 MiB. A
// size that the one before it nearly had is the new normal. Nothing with fewer than 4 to compare with.
[[nodiscard]] std::optional<UnusualSize> unusual_size(const std::vector<std::uint64_t>& sizes);

}  // namespace pgrecall
