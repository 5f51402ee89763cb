#include "schedule/time_zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/wording.h"

namespace pgrecall {

namespace {
using std::chrono::local_seconds;
using std::chrono::sys_seconds;

constexpr auto form_hint =
    "write a name of the time zone database, as Europe/Berlin or UTC; timedatectl list-timezones lists them";

// Beyond these years calendar arithmetic would overflow somewhere; nothing real is there.
constexpr sys_seconds earliest = std::chrono::sys_days(std::chrono::year(-9999) / 1 / 1);
constexpr sys_seconds latest = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31);

sys_seconds whole_seconds(Time time) { return std::clamp(std::chrono::floor<std::chrono::seconds>(time), earliest, latest); }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return c == ' ' ? '_' : static_cast<char>(std::tolower(c)); });
  return result;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names{"UTC"};
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) {
      names.push_back(zone.name());
    }
  } catch (const std::runtime_error&) {
    names.clear();  // no database: nothing to suggest
  }
  return names;
}

OffsetPeriod period_of(const date::sys_info& info) { return {info.begin, info.end, info.offset, info.abbrev}; }

struct LocalFields {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

LocalFields fields_of(local_seconds local) {
  const auto day = std::chrono::floor<std::chrono::days>(local);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss(local - day)};
}

std::string offset_text(std::chrono::seconds offset) {
  const std::chrono::hh_mm_ss parts(std::chrono::abs(offset));
  return fmt::format("{}{:02}:{:02}", offset.count() < 0 ? '-' : '+', parts.hours().count(), parts.minutes().count());
}
}  // namespace

std::string LocalDate::day() const {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string LocalDate::week() const { return fmt::format("{:04}-W{:02}", iso_year, iso_week); }

std::string LocalDate::month() const {
  return fmt::format("{:04}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()));
}

LocalDate local_date(std::chrono::year_month_day date) {
  // A week belongs to the year that its Thursday is in.
  const std::chrono::local_days day(date);
  const auto weekday = std::chrono::weekday(day).iso_encoding();
  const std::chrono::local_days thursday = day + std::chrono::days(4 - static_cast<int>(weekday));
  const std::chrono::year year = std::chrono::year_month_day(thursday).year();
  const std::chrono::local_days new_year(year / std::chrono::January / 1);
  return {date, static_cast<int>(year), static_cast<unsigned>((thursday - new_year).count() / 7 + 1)};
}

std::variant<TimeZone, TimeZone::Unknown> TimeZone::find(std::string_view name) {
  if (name == "UTC") {
    return TimeZone();
  }
  try {
    return TimeZone(std::string(name), date::locate_zone(name));
  } catch (const std::runtime_error& error) {
    const std::vector<std::string> names = known_names();
    if (names.empty()) {
      return Unknown{"the time zone database cannot be read: " + std::string(error.what()), "install tzdata"};
    }
    return Unknown{in_quotes(name) + " is not a time zone that this system knows", suggest_time_zone(name)};
  }
}

TimeZone TimeZone::named(std::string_view name) {
  auto found = find(name);
  if (auto* unknown = std::get_if<Unknown>(&found)) {
    throw Error(ErrorKind::configuration, unknown->problem, unknown->hint);
  }
  return std::get<TimeZone>(std::move(found));
}

OffsetPeriod TimeZone::period_at(Time time) const {
  if (zone_ == nullptr) {
    return {earliest, latest, std::chrono::seconds(0), "UTC"};
  }
  return period_of(zone_->get_info(whole_seconds(time)));
}

local_seconds TimeZone::local(Time time) const {
  return local_seconds(whole_seconds(time).time_since_epoch() + period_at(time).offset);
}

LocalMeaning TimeZone::meaning(local_seconds local) const {
  if (zone_ == nullptr) {
    const sys_seconds moment(local.time_since_epoch());
    return {LocalMeaning::Kind::unique, moment, moment};
  }
  const date::local_info info = zone_->get_info(date::local_seconds(local.time_since_epoch()));
  const sys_seconds first(local.time_since_epoch() - info.first.offset);
  if (info.result == date::local_info::nonexistent) {
    return {LocalMeaning::Kind::skipped, info.first.end, info.first.end};
  }
  if (info.result == date::local_info::ambiguous) {
    return {LocalMeaning::Kind::repeated, first, sys_seconds(local.time_since_epoch() - info.second.offset)};
  }
  return {LocalMeaning::Kind::unique, first, first};
}

LocalDate TimeZone::date(Time time) const {
  return local_date(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(local(time))));
}

std::string TimeZone::format(Time time) const {
  const LocalFields fields = fields_of(local(time));
  const auto seconds = fields.time.seconds().count();
  return fmt::format("{} {:02}:{:02}{} {}", local_date(fields.date).day(), fields.time.hours().count(),
                     fields.time.minutes().count(), seconds == 0 ? "" : fmt::format(":{:02}", seconds),
                     period_at(time).abbreviation);
}

std::string TimeZone::format_rfc3339(Time time) const {
  const LocalFields fields = fields_of(local(time));
  return fmt::format("{}T{:02}:{:02}:{:02}{}", local_date(fields.date).day(), fields.time.hours().count(),
                     fields.time.minutes().count(), fields.time.seconds().count(), offset_text(period_at(time).offset));
}

std::string suggest_time_zone(std::string_view name) {
  const std::vector<std::string> names = known_names();
  if (names.empty()) {
    return {};
  }
  // "berlin" and "europe/berlin" are further from Europe/Berlin, letter by letter, than from other names.
  const std::string wanted = lower(name);
  for (const std::string& known : names) {
    const std::string candidate = lower(known);
    if (candidate == wanted || candidate.substr(candidate.rfind('/') + 1) == wanted) {
      return fmt::format("did you mean \"{}\"?", known);
    }
  }
  constexpr std::size_t shortest_name = 5;  // bytes; what is shorter is an abbreviation, and any other is as near
  if (const auto near = name.size() < shortest_name ? std::nullopt : nearest(name, names)) {
    return fmt::format("did you mean \"{}\"?", *near);
  }
  return form_hint;
}

}  // namespace pgrecall
