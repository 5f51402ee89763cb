#include "engine/drill/drill_aim.h"

#include <algorithm>
#include <chrono>
#include <random>

namespace pgrecall {

namespace {
using Aim = DrillRecord::Aim;

// A weekly drill falls on the fifth week at the latest.
constexpr std::chrono::days oldest_every{28};

std::chrono::microseconds length_of(const TimeSpan& span) {
  return span.until > span.from ? span.until - span.from : std::chrono::microseconds(0);
}
}  // namespace

DrillRecord::Aim next_aim(std::span<const DrillRecord> past, Time now) {
  if (std::ranges::all_of(past, [](const DrillRecord& record) { return record.aim == Aim::asked; })) {
    return Aim::newest;
  }
  const auto newest_of = [&](Aim aim) {
    return std::find_if(past.rbegin(), past.rend(), [&](const DrillRecord& record) { return record.aim == aim; });
  };
  const auto oldest = newest_of(Aim::oldest);
  if (oldest == past.rend() || now - oldest->started >= oldest_every) {
    return Aim::oldest;
  }
  // From the end: what comes first was later.
  return newest_of(Aim::random) < newest_of(Aim::newest) ? Aim::newest : Aim::random;
}

std::optional<Time> random_moment(std::span<const TimeSpan> spans, std::uint64_t seed) {
  std::chrono::microseconds whole{0};
  for (const TimeSpan& span : spans) {
    whole += length_of(span);
  }
  if (whole.count() == 0) {
    return std::nullopt;
  }
  std::mt19937_64 dice(seed);
  std::chrono::microseconds left{std::uniform_int_distribution<std::int64_t>(0, whole.count())(dice)};
  for (const TimeSpan& span : spans) {
    if (left <= length_of(span)) {
      return span.from + left;
    }
    left -= length_of(span);
  }
  return std::nullopt;
}

}  // namespace pgrecall
