#include "base/clock.h"

#include <fmt/format.h>

namespace pgrecall {

namespace {
struct Fields {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

Fields split(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss(seconds - day)};
}

std::string format(Time time, std::string_view pattern) {
  const Fields f = split(time);
  return fmt::format(fmt::runtime(pattern), static_cast<int>(f.date.year()), static_cast<unsigned>(f.date.month()),
                     static_cast<unsigned>(f.date.day()), f.time.hours().count(), f.time.minutes().count(),
                     f.time.seconds().count());
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}
}  // namespace

Time SystemClock::now() const { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::chrono::steady_clock::time_point SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

std::chrono::steady_clock::time_point ManualClock::steady_now() const {
  return std::chrono::steady_clock::time_point(std::chrono::microseconds(steady_micros_));
}

std::string format_time(Time time) { return format(time, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z"); }

std::string format_compact_time(Time time) { return format(time, "{:04}{:02}{:02}T{:02}{:02}{:02}Z"); }

std::optional<Time> parse_time(std::string_view text) {
  std::string compact;
  if (text.size() == 20 && text[4] == '-' && text[7] == '-' && text[13] == ':' && text[16] == ':') {
    for (const char c : text) {
      if (c != '-' && c != ':') {
        compact += c;
      }
    }
    text = compact;
  }
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') {
    return std::nullopt;
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 4, 2);
  const auto day = digits(text, 6, 2);
  const auto hour = digits(text, 9, 2);
  const auto minute = digits(text, 11, 2);
  const auto second = digits(text, 13, 2);
  if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

}  // namespace pgrecall
