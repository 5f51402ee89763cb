#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "schedule/time_zone.h"

namespace pgrecall {

// The hours of the day in which work that is late disturbs least, by the wall clock: from `from` up to, not including, `to`; over
// midnight when `to` is the earlier one.
struct OffPeak {
  std::chrono::minutes from{};  // of the day
  std::chrono::minutes to{};
  bool operator==(const OffPeak&) const = default;

  // "22:00-06:00"; nothing when the text is not that, or both are the same.
  [[nodiscard]] static std::optional<OffPeak> parse(std::string_view text) noexcept;
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] bool contains(const TimeZone& zone, Time time) const;
  // The first moment after `after` at which these hours begin, as a daily job at `from` would be due.
  [[nodiscard]] Time next_opening(const TimeZone& zone, Time after) const;
};

}  // namespace pgrecall
