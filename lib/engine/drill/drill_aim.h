#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "repository/drill_record.h"

// Which moment a drill tries, when nobody says one. Pure.

namespace pgrecall {

// A stretch of time to any moment of which the cluster can be brought back.
struct TimeSpan {
  Time from;
  Time until;
};

// The first drill tries the newest moment; each month one tries the oldest (the longest replay is not, but the backup that has
// lain longest is); the others take turns between a random and the newest moment. `past`: oldest first.
[[nodiscard]] DrillRecord::Aim next_aim(std::span<const DrillRecord> past, Time now);

// A moment of the spans, each as likely as any other; nothing when they have no length. `seed` decides.
[[nodiscard]] std::optional<Time> random_moment(std::span<const TimeSpan> spans, std::uint64_t seed);

}  // namespace pgrecall
