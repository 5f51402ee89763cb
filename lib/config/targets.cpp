#include <algorithm>

#include "config/config.h"
#include "schedule/next_run.h"

namespace pgrecall {

namespace {
// Any moment does: what counts are the pauses of the year behind it.
constexpr Time walk_from = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
constexpr std::chrono::days walked{366};
constexpr int most_steps = 2000;  // of a schedule that is due every few minutes, the year's end tells nothing new
constexpr std::chrono::hours allowance{2};

std::optional<Time> next_of(const std::vector<CronExpression>& all, const TimeZone& zone, Time after) {
  std::optional<Time> soonest;
  for (const CronExpression& each : all) {
    const std::optional<Time> next = next_run(each, zone, after);
    if (next && (!soonest || *next < *soonest)) {
      soonest = next;
    }
  }
  return soonest;
}
}  // namespace

std::optional<std::chrono::milliseconds> scheduled_backup_max_age(const ScheduleConfig& schedule) {
  std::vector<CronExpression> all;
  for (const std::string& text : {schedule.daily, schedule.weekly, schedule.monthly}) {
    if (text != "never") {
      all.push_back(CronExpression::parsed(text));
    }
  }
  const TimeZone zone = TimeZone::named(schedule.timezone);
  std::optional<Time> at = next_of(all, zone, walk_from);
  if (!at) {
    return std::nullopt;
  }
  std::chrono::microseconds longest{0};
  for (int step = 0; step < most_steps && *at < walk_from + walked; ++step) {
    const std::optional<Time> next = next_of(all, zone, *at);
    if (!next) {
      break;
    }
    longest = std::max(longest, *next - *at);
    at = next;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest) + schedule.spread + allowance;
}

}  // namespace pgrecall
