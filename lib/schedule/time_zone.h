#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace date {
class time_zone;
}

// Time zones of the system's database (tzdata), read by the date library. "UTC" needs no database. The database is read once a
// process, when the first other zone is looked up: an update of tzdata shows after a restart. It tells the rules until 2037;
// behind that the date library goes on with the last offset.

namespace pgrecall {

// A date as people write it in some zone, with the week that ISO 8601 puts it in.
struct LocalDate {
  std::chrono::year_month_day date;
  int iso_year = 0;       // of the week: 2027-01-01 is in 2026-W53
  unsigned iso_week = 0;  // 1 to 53

  [[nodiscard]] std::string day() const;    // "2026-11-23"
  [[nodiscard]] std::string week() const;   // "2026-W48"
  [[nodiscard]] std::string month() const;  // "2026-11"
  bool operator==(const LocalDate&) const = default;
};
[[nodiscard]] LocalDate local_date(std::chrono::year_month_day date);

// What a local time means in a zone.
struct LocalMeaning {
  enum class Kind { unique, skipped, repeated };
  Kind kind = Kind::unique;
  // unique: the moment. skipped: the first moment after the gap. repeated: the earlier of both.
  std::chrono::sys_seconds first;
  // repeated: the later of both; otherwise as `first`.
  std::chrono::sys_seconds second;
};

// A span of time [begin, end) in which the distance from UTC stays the same.
struct OffsetPeriod {
  std::chrono::sys_seconds begin;
  std::chrono::sys_seconds end;
  std::chrono::seconds offset{};  // east of UTC; local time is UTC plus this
  std::string abbreviation;       // "CET"
};

// A zone by name. A small value, cheap to copy; safe for many threads.
class TimeZone {
 public:
  // What is wrong with a name, and what was perhaps meant.
  struct Unknown {
    std::string problem;
    std::string hint;
  };

  TimeZone() = default;  // UTC
  [[nodiscard]] static std::variant<TimeZone, Unknown> find(std::string_view name);
  // As find(); throws Error{configuration} for a name that is not known.
  [[nodiscard]] static TimeZone named(std::string_view name);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] OffsetPeriod period_at(Time time) const;
  // The wall clock's reading.
  [[nodiscard]] std::chrono::local_seconds local(Time time) const;
  [[nodiscard]] LocalMeaning meaning(std::chrono::local_seconds local) const;
  // The day, ISO week and month that a moment falls into here.
  [[nodiscard]] LocalDate date(Time time) const;

  // "2026-11-23 03:30 CET", or "2026-11-23 03:30:17 CET" when it is no whole minute: for people.
  [[nodiscard]] std::string format(Time time) const;
  // "2026-11-23T03:30:00+01:00": RFC 3339.
  [[nodiscard]] std::string format_rfc3339(Time time) const;

 private:
  TimeZone(std::string name, const date::time_zone* zone) : name_(std::move(name)), zone_(zone) {}

  std::string name_ = "UTC";
  const date::time_zone* zone_ = nullptr;  // null: UTC. The database owns it, as long as the process lives.
};

// What a name that is not in the database was most likely meant to be, as a hint; "" where there is no database.
[[nodiscard]] std::string suggest_time_zone(std::string_view name);

}  // namespace pgrecall
