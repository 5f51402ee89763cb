#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace pgrecall {

// A moment that somebody typed.
struct TypedTime {
  Time time;
  bool local = false;  // no zone was given: it was read in the time zone of whoever typed it (TZ)
};

// "2026-11-23T02:30:00Z", "2026-11-23 02:30:00.123456+01:00", "2026-11-23 02:30:00 Europe/Berlin", "2026-11-23 02:30:00"; seconds
// may be left out. Zones: Z, UTC, GMT, offsets, names of the zone database. Error{usage} for anything else, for abbreviations
// such as CET (some of them mean several zones), and for local times that a clock change skips or repeats. Reads TZ: before
// threads start.
[[nodiscard]] TypedTime take_time(std::string_view option, const std::string& text);

}  // namespace pgrecall
