#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "page/html.h"
#include "schedule/time_zone.h"

// How the page speaks of time.

namespace pgrecall {

// "0 s", "59 s", "12 min", "3 h 12 min", "22 h", "7 d 3 h", "42 d": coarse enough to be read at a glance; cut, never rounded up.
[[nodiscard]] std::string rough_span(double seconds);
[[nodiscard]] inline double seconds_between(Time earlier, Time later) {
  return std::chrono::duration<double>(later - earlier).count();
}

// Times as somebody in `zone` would say them at `now`.
class Moments {
 public:
  // A zone that this system does not know is shown as UTC.
  Moments(const std::string& zone, Time now);

  // "3 h ago", "in 5 h"; the time by the clock of the zone and in UTC when pointed at.
  [[nodiscard]] Html relative(Time time) const;
  // As clock(), without the zone, where all of it is in one.
  [[nodiscard]] Html bare_clock(Time time) const;
  // "03:30 CET", "yesterday 03:30 CET", "Sat 03:30 CET", "2026-11-01 03:30 CET"; UTC when pointed at.
  [[nodiscard]] Html clock(Time time) const;
  // "2026-11-23 03:30 CET, 2026-11-23 02:30 UTC"
  [[nodiscard]] std::string both(Time time) const;
  [[nodiscard]] const TimeZone& zone() const noexcept { return zone_; }
  [[nodiscard]] Time now() const noexcept { return now_; }

 private:
  enum class Zone { told, left_out };
  [[nodiscard]] std::string clock_text(Time time, Zone zone) const;

  TimeZone zone_;
  Time now_;
};

}  // namespace pgrecall
