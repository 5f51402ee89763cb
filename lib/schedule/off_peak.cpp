#include "schedule/off_peak.h"

#include <fmt/format.h>

#include "schedule/next_run.h"

namespace pgrecall {

namespace {
std::optional<std::chrono::minutes> time_of_day(std::string_view text) noexcept {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  if (text.size() != 5 || text[2] != ':') {
    return std::nullopt;
  }
  const int hour = digit(0) * 10 + digit(1);
  const int minute = digit(3) * 10 + digit(4);
  return hour < 24 && minute < 60 ? std::optional(std::chrono::hours(hour) + std::chrono::minutes(minute)) : std::nullopt;
}
}  // namespace

std::optional<OffPeak> OffPeak::parse(std::string_view text) noexcept {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto from = time_of_day(text.substr(0, dash));
  const auto to = time_of_day(text.substr(dash + 1));
  return from && to && *from != *to ? std::optional(OffPeak{*from, *to}) : std::nullopt;
}

std::string OffPeak::to_string() const {
  return fmt::format("{:02}:{:02}-{:02}:{:02}", from.count() / 60, from.count() % 60, to.count() / 60, to.count() % 60);
}

bool OffPeak::contains(const TimeZone& zone, Time time) const {
  const std::chrono::local_seconds local = zone.local(time);
  const auto of_day = local - std::chrono::floor<std::chrono::days>(local);
  return from < to ? of_day >= from && of_day < to : of_day >= from || of_day < to;
}

Time OffPeak::next_opening(const TimeZone& zone, Time after) const {
  const auto daily = CronExpression::parsed(fmt::format("{} {} * * *", from.count() % 60, from.count() / 60));
  return next_run(daily, zone, after).value_or(after + std::chrono::days(1));
}

}  // namespace pgrecall
