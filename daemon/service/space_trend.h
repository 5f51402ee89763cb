#pragma once

#include <optional>
#include <vector>

#include "journal/journal.h"

namespace pgrecall {

// Bytes a second by which the used space grows, or, below zero, shrinks: the median of the slopes between all pairs of samples
// (Theil and Sen), which neither a first backup nor one that was removed bends. Nothing before the samples span a day.
[[nodiscard]] std::optional<double> space_trend(const std::vector<SpaceSample>& samples);

// When what is free is used up; nothing where that is not to be expected within a hundred years.
[[nodiscard]] std::optional<Time> full_at(Time now, std::uint64_t free_bytes, std::optional<double> growth_bytes_per_second);

}  // namespace pgrecall
