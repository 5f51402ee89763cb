#include "jobs/schedules.h"

#include <catch2/catch.hpp>

namespace schedules_test {

using namespace pgrecall;

TEST_CASE("what a cluster's configuration schedules") {
  ScheduleConfig config;
  config.timezone = "Europe/Berlin";
  config.monthly = "never";
  config.check = "@hourly";
  config.catch_up = ScheduleConfig::CatchUp::none;
  config.spread = std::chrono::minutes(15);
  config.not_after = std::chrono::hours(2);
  config.off_peak = OffPeak::parse("22:00-06:00");
  std::string all;
  for (const ScheduledJob& job : schedules_of("prod", config)) {
    CHECK(name(job.kind) == job.schedule.job);
    CHECK(job.schedule.cluster == "prod");
    CHECK(job.schedule.zone.name() == "Europe/Berlin");
    CHECK(job.schedule.policy.catch_up == SchedulePolicy::CatchUp::none);
    CHECK(job.schedule.policy.spread == std::chrono::minutes(15));
    CHECK(job.schedule.policy.not_after == std::chrono::hours(2));
    CHECK(job.schedule.policy.off_peak == OffPeak::parse("22:00-06:00"));
    all += job.schedule.job + " " + job.schedule.when.text() + "\n";
  }
  CHECK(all == "daily 30 2 * * *\nweekly 30 3 * * 0\nverify 30 6 * * 6\ndrill 30 6 * * 0\nexpire 0 8 * * *\ncheck @hourly\n");
  config.timezone = "Mars/Olympus";
  CHECK_THROWS_AS(schedules_of("prod", config), Error);
}

}  // namespace schedules_test
