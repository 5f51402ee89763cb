#include "page/moments.h"

#include <array>
#include <cmath>

namespace pgrecall {

namespace {
constexpr std::int64_t a_minute = 60;
constexpr std::int64_t an_hour = 60 * a_minute;
constexpr std::int64_t a_day_long = 24 * an_hour;

TimeZone zone_or_utc(const std::string& name) {
  auto found = TimeZone::find(name.empty() ? "UTC" : name);
  auto* zone = std::get_if<TimeZone>(&found);
  return zone == nullptr ? TimeZone() : std::move(*zone);
}

Time whole_minute(Time time) { return std::chrono::floor<std::chrono::minutes>(time); }
}  // namespace

std::string rough_span(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::floor(std::max(0.0, seconds)));
  if (whole < a_minute) {
    return fmt::format("{} s", whole);
  }
  if (whole < an_hour) {
    return fmt::format("{} min", whole / a_minute);
  }
  if (whole < a_day_long) {
    const std::int64_t minutes = whole % an_hour / a_minute;
    return minutes == 0 || whole >= 10 * an_hour ? fmt::format("{} h", whole / an_hour)
                                                 : fmt::format("{} h {} min", whole / an_hour, minutes);
  }
  const std::int64_t hours = whole % a_day_long / an_hour;
  return hours == 0 || whole >= 10 * a_day_long ? fmt::format("{} d", whole / a_day_long)
                                                : fmt::format("{} d {} h", whole / a_day_long, hours);
}

Moments::Moments(const std::string& zone, Time now) : zone_(zone_or_utc(zone)), now_(now) {}

std::string Moments::both(Time time) const {
  const std::string utc = TimeZone().format(whole_minute(time));
  return zone_.name() == "UTC" ? utc : zone_.format(whole_minute(time)) + ", " + utc;
}

Html Moments::relative(Time time) const {
  const double seconds = seconds_between(time, now_);
  const std::string text = seconds < 0 ? "in " + rough_span(-seconds) : rough_span(seconds) + " ago";
  return html(R"(<time datetime="{}" title="{}">{}</time>)", format_time(time), both(time), text);
}

std::string Moments::clock_text(Time time, Zone told) const {
  static constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  std::string whole = zone_.format(whole_minute(time));  // "2026-11-23 03:30 CET"
  whole.resize(told == Zone::told ? whole.size() : whole.rfind(' '));
  const std::string of_day = whole.substr(whole.find(' ') + 1);
  const auto then = std::chrono::floor<std::chrono::days>(zone_.local(time));
  const auto days = (then - std::chrono::floor<std::chrono::days>(zone_.local(now_))).count();
  if (days == 0) {
    return of_day;
  }
  if (days == -1 || days == 1) {
    return (days < 0 ? "yesterday " : "tomorrow ") + of_day;
  }
  const bool near = days > -7 && days < 7;
  return near ? weekdays.at(std::chrono::weekday(then).c_encoding()) + (" " + of_day) : whole;
}

Html Moments::clock(Time time) const {
  return html(R"(<time datetime="{}" title="{}">{}</time>)", format_time(time), TimeZone().format(whole_minute(time)),
              clock_text(time, Zone::told));
}

Html Moments::bare_clock(Time time) const {
  return html(R"(<time datetime="{}" title="{}">{}</time>)", format_time(time), both(time), clock_text(time, Zone::left_out));
}

}  // namespace pgrecall
