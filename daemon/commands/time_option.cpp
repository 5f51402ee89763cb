#include "commands/time_option.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <regex>

#include "base/error.h"
#include "config/problem.h"

namespace pgrecall {

namespace {

constexpr const char* forms =
    "write it as 2026-11-23T02:30:00Z, 2026-11-23 02:30:00+01:00, 2026-11-23 02:30:00 Europe/Berlin, or without zone for local "
    "time";

[[nodiscard]] Error wrong(std::string_view option, const std::string& text, const std::string& why, const std::string& hint) {
  return Error(ErrorKind::usage, std::string(option) + ": " + in_quotes(text) + why, hint);
}

// Sets TZ as long as it lives.
class ZoneScope {
 public:
  explicit ZoneScope(const std::string& zone) {
    if (const char* before = std::getenv("TZ")) {  // NOLINT(concurrency-mt-unsafe): before threads start
      before_ = before;
    }
    ::setenv("TZ", (":" + zone).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    ::tzset();
  }
  ZoneScope(const ZoneScope&) = delete;
  ZoneScope& operator=(const ZoneScope&) = delete;
  ~ZoneScope() {
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    }
    ::tzset();
  }

 private:
  std::optional<std::string> before_;
};

bool same_fields(const std::tm& one, const std::tm& other) {
  return one.tm_min == other.tm_min && one.tm_hour == other.tm_hour && one.tm_mday == other.tm_mday && one.tm_mon == other.tm_mon;
}

// Seconds since 1970 for the local time `fields` with daylight saving time on or off; nothing when there is no such time.
std::optional<std::time_t> local_seconds(const std::tm& fields, int daylight_saving) {
  std::tm copy = fields;
  copy.tm_isdst = daylight_saving;
  const std::time_t seconds = ::mktime(&copy);
  std::tm back{};
  if (seconds == std::time_t{-1} || ::localtime_r(&seconds, &back) == nullptr || !same_fields(back, fields)) {
    return std::nullopt;
  }
  return seconds;
}

std::string offset_of(std::time_t seconds) {
  std::tm fields{};
  ::localtime_r(&seconds, &fields);
  std::array<char, 8> text{};
  std::strftime(text.data(), text.size(), "%z", &fields);
  return text.data();
}

std::time_t only_local_seconds(std::string_view option, const std::string& text, const std::tm& fields) {
  const auto winter = local_seconds(fields, 0);
  const auto summer = local_seconds(fields, 1);
  if (!winter && !summer) {
    throw wrong(option, text, " is a time that the clock change of its zone skips", "give an offset, such as +01:00");
  }
  if (winter && summer && *winter != *summer) {
    throw wrong(option, text, " happened twice when the clocks changed",
                "say which one by its offset: " + offset_of(*summer) + " (the first) or " + offset_of(*winter));
  }
  return winter ? *winter : *summer;
}

int number(const std::ssub_match& match) { return match.matched ? std::stoi(match.str()) : 0; }

bool is_zone_name(const std::string& zone) {
  static const std::regex form("[A-Za-z_]+(/[A-Za-z0-9_+-]+)+");
  return std::regex_match(zone, form) && std::filesystem::is_regular_file("/usr/share/zoneinfo/" + zone);
}

// Seconds east of UTC; nothing when `zone` is no offset.
std::optional<int> offset_seconds(const std::string& zone) {
  static const std::regex form("([+-])(\\d{2})(?::?(\\d{2}))?");
  if (zone == "Z" || zone == "z" || zone == "UTC" || zone == "GMT") {
    return 0;
  }
  std::smatch match;
  if (!std::regex_match(zone, match, form) || number(match[2]) > 15 || number(match[3]) > 59) {
    return std::nullopt;
  }
  const int seconds = number(match[2]) * 3600 + number(match[3]) * 60;
  return match[1] == "-" ? -seconds : seconds;
}

// The C library takes a zone that it does not know for UTC, without a word.
bool is_local_zone(std::string zone) {
  static const std::regex posix_form("(<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[+-]?\\d{1,3}(:\\d{2}){0,2}(,.*|[<A-Za-z].*)?");
  if (zone.starts_with(':')) {
    zone.erase(0, 1);
  }
  const char* directory = std::getenv("TZDIR");  // NOLINT(concurrency-mt-unsafe): before threads start
  const std::filesystem::path zones = directory != nullptr ? directory : "/usr/share/zoneinfo";
  return zone.empty() || zone == "UTC" || zone == "UTC0" || zone == "GMT" || std::regex_match(zone, posix_form) ||
         std::filesystem::is_regular_file(zones / zone);
}

}  // namespace

TypedTime take_time(std::string_view option, const std::string& text) {
  static const std::regex form(
      "(\\d{4})-(\\d{2})-(\\d{2})[Tt ](\\d{2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,6})\\d*)?)?\\s*([A-Za-z+-].*)?");
  static const std::regex date_alone("\\d{4}-\\d{2}-\\d{2}");
  std::smatch match;
  if (std::regex_match(text, date_alone)) {
    throw wrong(option, text, " is a date without a time of day", std::string("for its begin, add 00:00:00; ") + forms);
  }
  if (!std::regex_match(text, match, form)) {
    throw wrong(option, text, " is no time", forms);
  }
  const std::chrono::year_month_day date{std::chrono::year(number(match[1])),
                                         std::chrono::month(static_cast<unsigned>(number(match[2]))),
                                         std::chrono::day(static_cast<unsigned>(number(match[3])))};
  if (!date.ok() || number(match[4]) > 23 || number(match[5]) > 59 || number(match[6]) > 59) {
    throw wrong(option, text, " is a time that does not exist", forms);
  }
  std::string fraction = match[7].str();
  fraction.resize(6, '0');
  const std::chrono::microseconds micros(std::stoi(fraction));
  const std::string zone = match[8].str();
  if (const auto east = offset_seconds(zone)) {
    return {.time = std::chrono::sys_days(date) + std::chrono::hours(number(match[4])) + std::chrono::minutes(number(match[5])) +
                    std::chrono::seconds(number(match[6]) - *east) + micros,
            .local = false};
  }
  if (!zone.empty() && !is_zone_name(zone)) {
    throw wrong(option, text, " has a zone that cannot be used: " + in_quotes(zone), forms);
  }
  const char* local_zone = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): before threads start
  if (zone.empty() && local_zone != nullptr && !is_local_zone(local_zone)) {
    throw wrong(option, text, " has no zone, and that of this session is not known here: TZ=" + std::string(local_zone), forms);
  }
  std::tm fields{};
  fields.tm_year = number(match[1]) - 1900;
  fields.tm_mon = number(match[2]) - 1;
  fields.tm_mday = number(match[3]);
  fields.tm_hour = number(match[4]);
  fields.tm_min = number(match[5]);
  fields.tm_sec = number(match[6]);
  std::optional<ZoneScope> scope;
  if (!zone.empty()) {
    scope.emplace(zone);
  }
  return {.time = Time(std::chrono::seconds(only_local_seconds(option, text, fields))) + micros, .local = zone.empty()};
}

}  // namespace pgrecall
