#include "jobs/schedules.h"

#include <utility>

namespace pgrecall {

std::vector<ScheduledJob> schedules_of(const std::string& cluster, const ScheduleConfig& config) {
  const TimeZone zone = TimeZone::named(config.timezone);
  const SchedulePolicy policy{.catch_up = config.catch_up == ScheduleConfig::CatchUp::once ? SchedulePolicy::CatchUp::once
                                                                                           : SchedulePolicy::CatchUp::none,
                              .spread = config.spread,
                              .not_after = config.not_after,
                              .off_peak = config.off_peak};
  std::vector<ScheduledJob> jobs;
  for (const auto& [kind, text] :
       std::initializer_list<std::pair<JobKind, const std::string&>>{{JobKind::daily, config.daily},
                                                                     {JobKind::weekly, config.weekly},
                                                                     {JobKind::monthly, config.monthly},
                                                                     {JobKind::verify, config.verify},
                                                                     {JobKind::drill, config.drill},
                                                                     {JobKind::expire, config.expire},
                                                                     {JobKind::check, config.check}}) {
    if (text != "never") {
      jobs.push_back({kind, {cluster, std::string(name(kind)), CronExpression::parsed(text), zone, policy}});
    }
  }
  return jobs;
}

}  // namespace pgrecall
