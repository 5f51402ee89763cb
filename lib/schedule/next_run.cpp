#include "schedule/next_run.h"

#include <algorithm>
#include <array>

namespace pgrecall {

namespace {
using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::sys_seconds;
using LocalMinute = std::chrono::local_time<minutes>;

constexpr sys_seconds last_moment = std::chrono::sys_days(std::chrono::year(9000) / 1 / 1);

// The first minute of the day, from `start` on, that fits hour and minute.
std::optional<minutes> fitting_minute(const CronExpression& expression, minutes start) {
  constexpr unsigned per_hour = 60;
  const auto from = static_cast<unsigned>(start.count());
  for (unsigned hour = from / per_hour; hour < 24; ++hour) {
    if (!expression.fits_hour(hour)) {
      continue;
    }
    for (unsigned minute = hour == from / per_hour ? from % per_hour : 0; minute < per_hour; ++minute) {
      if (expression.fits_minute(minute)) {
        return hours(hour) + minutes(minute);
      }
    }
  }
  return std::nullopt;
}

// The first fitting reading of the wall clock from `start` on; nothing before `end`.
std::optional<LocalMinute> fitting_reading(const CronExpression& expression, LocalMinute start, LocalMinute end) {
  for (auto day = std::chrono::floor<days>(start); day < end; day += days(1)) {
    if (!expression.fits_day(std::chrono::year_month_day(day))) {
      continue;
    }
    const minutes from = std::max(start - LocalMinute(day), minutes(0));
    if (const auto minute = fitting_minute(expression, from)) {
      const LocalMinute reading = LocalMinute(day) + *minute;
      return reading < end ? std::optional(reading) : std::nullopt;
    }
  }
  return std::nullopt;
}

LocalMinute reading_at(sys_seconds moment, std::chrono::seconds offset) {
  return std::chrono::ceil<minutes>(std::chrono::local_seconds(moment.time_since_epoch() + offset));
}

// Rule 4: one span of unchanging offset after the other, each with the readings that the clock shows in it.
std::optional<Time> next_by_elapsed_time(const CronExpression& expression, const TimeZone& zone, sys_seconds start) {
  while (start < last_moment) {
    const OffsetPeriod period = zone.period_at(start);
    const sys_seconds end = std::min(period.end, last_moment);
    if (const auto reading = fitting_reading(expression, reading_at(start, period.offset), reading_at(end, period.offset))) {
      return sys_seconds(std::chrono::seconds(reading->time_since_epoch()) - period.offset);
    }
    start = end;
  }
  return std::nullopt;
}

// Rules 1 to 3. The moment that a reading stands for never goes back as readings go on, so the first reading whose moment is late
// enough is the one. Where a gap ends at `start`, the readings in it stand for `start`: hence the look at the second before.
std::optional<Time> next_by_reading(const CronExpression& expression, const TimeZone& zone, sys_seconds start) {
  const LocalMinute end = std::chrono::floor<minutes>(zone.local(last_moment));
  LocalMinute from = std::chrono::floor<minutes>(zone.local(start - std::chrono::seconds(1)));
  while (const auto reading = fitting_reading(expression, from, end)) {
    const sys_seconds moment = zone.meaning(*reading).first;
    if (moment >= start) {
      return moment;
    }
    from = *reading + minutes(1);
  }
  return std::nullopt;
}
}  // namespace

std::optional<Time> next_run(const CronExpression& expression, const TimeZone& zone, Time after) {
  constexpr sys_seconds first_moment = std::chrono::sys_days(std::chrono::year(-9000) / 1 / 1);
  if (after >= last_moment) {
    return std::nullopt;
  }
  const sys_seconds start = std::max(std::chrono::floor<std::chrono::seconds>(after), first_moment) + std::chrono::seconds(1);
  return expression.every_hour() ? next_by_elapsed_time(expression, zone, start) : next_by_reading(expression, zone, start);
}

std::optional<Time> previous_run(const CronExpression& expression, const TimeZone& zone, Time at) {
  // A due time within reach is found by looking forward from ever earlier moments; then the span in which the last one lies is
  // halved until nothing is due in it any more.
  constexpr std::array<hours, 6> reaches{hours(2), days(2), days(40), days(400), days(9 * 366), days(50 * 366)};
  for (const hours reach : reaches) {
    auto found = next_run(expression, zone, at - reach);
    if (!found || *found > at) {
      continue;
    }
    Time high = at;  // nothing is due in (high, at]
    while (high > *found) {
      const Time middle = *found + (high - *found) / 2;
      const auto later = next_run(expression, zone, middle);
      if (later && *later <= at) {
        found = later;
      } else {
        high = middle;
      }
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace pgrecall
