#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "jobs/job.h"
#include "schedule/planner.h"

namespace pgrecall {

struct ScheduledJob {
  JobKind kind = JobKind::daily;
  JobSchedule schedule;
};

// What the configuration schedules for one cluster, in the order of the documentation; jobs that run `never` are left out. Throws
// Error{configuration} when the system does not know the time zone.
[[nodiscard]] std::vector<ScheduledJob> schedules_of(const std::string& cluster, const ScheduleConfig& config);

}  // namespace pgrecall
