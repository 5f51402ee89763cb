#include "schedule/next_run.h"

#include <catch2/catch.hpp>

#include "unit/schedule/moments.h"

namespace next_run_test {

using namespace pgrecall;
using test::at;

namespace {
std::string next(const std::string& expression, const std::string& zone, const std::string& after, int count = 1) {
  const CronExpression cron = CronExpression::parsed(expression);
  const TimeZone where = TimeZone::named(zone);
  std::string all;
  Time last = at(after);
  for (int i = 0; i < count; ++i) {
    const auto due = next_run(cron, where, last);
    REQUIRE(due.has_value());
    last = *due;
    all += (all.empty() ? "" : ", ") + where.format_rfc3339(last).substr(5);
  }
  return all;
}
}  // namespace

TEST_CASE("the moment asked for does not count, a fraction of a second before it does", "[next_run]") {
  const CronExpression daily = CronExpression::parsed("30 2 * * *");
  const Time due = at("2026-11-23T02:30:00Z");
  CHECK(next_run(daily, TimeZone(), due) == due + std::chrono::days(1));
  CHECK(next_run(daily, TimeZone(), due - std::chrono::microseconds(1)) == due);
  CHECK(previous_run(daily, TimeZone(), due) == due);
  CHECK(previous_run(daily, TimeZone(), due - std::chrono::microseconds(1)) == due - std::chrono::days(1));
}

TEST_CASE("a job in the skipped hour runs once, at the first moment after it", "[next_run]") {
  CHECK(next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3) ==
        "03-28T02:30:00+01:00, 03-29T03:00:00+02:00, 03-30T02:30:00+02:00");
  CHECK(next("0,20,40 2 * * *", "America/New_York", "2026-03-08T06:00:00Z", 2) == "03-08T03:00:00-04:00, 03-09T02:00:00-04:00");
  // Asked in the last second before the gap.
  const Time gap = at("2026-03-29T01:00:00Z");
  for (const auto before :
       {std::chrono::microseconds(1), std::chrono::microseconds(999'999), std::chrono::microseconds(1'000'000)}) {
    CHECK(next_run(CronExpression::parsed("30 2 * * *"), TimeZone::named("Europe/Berlin"), gap - before) == gap);
  }
  CHECK(previous_run(CronExpression::parsed("30 2 * * *"), TimeZone::named("Europe/Berlin"), gap) == gap);
  // Three o'clock is due of itself; both are one.
  CHECK(next("30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2) == "03-29T03:00:00+02:00, 03-29T03:30:00+02:00");
  CHECK(next("0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2) == "03-29T03:00:00+02:00, 03-30T02:00:00+02:00");
  // Half an hour at Lord Howe, midnight in Havana.
  CHECK(next("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2) == "10-04T02:30:00+11:00, 10-05T02:15:00+11:00");
  CHECK(next("0 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", 2) == "03-08T01:00:00-04:00, 03-09T00:00:00-04:00");
  // A whole day: Apia went from 29 to 31 December.
  CHECK(next("30 2 * * *", "Pacific/Apia", "2011-12-29T13:00:00Z", 3) ==
        "12-31T00:00:00+14:00, 12-31T02:30:00+14:00, 01-01T02:30:00+14:00");
}

TEST_CASE("a job in the repeated hour runs once, the first time", "[next_run]") {
  CHECK(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) == "10-25T02:30:00+02:00, 10-26T02:30:00+01:00");
  CHECK(next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2) == "04-05T01:45:00+11:00, 04-06T01:45:00+10:30");
  // Asked between both: the second one is none.
  CHECK(next("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z") == "10-26T02:30:00+01:00");
  CHECK(next("59 23 * * *", "America/Havana", "2026-10-31T12:00:00Z", 2) == "10-31T23:59:00-04:00, 11-01T23:59:00-05:00");
}

TEST_CASE("a job of every hour goes on by elapsed time", "[next_run]") {
  CHECK(next("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 3) ==
        "03-29T01:00:00+01:00, 03-29T03:00:00+02:00, 03-29T04:00:00+02:00");
  CHECK(next("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4) ==
        "10-25T02:00:00+02:00, 10-25T02:00:00+01:00, 10-25T03:00:00+01:00, 10-25T04:00:00+01:00");
  CHECK(next("*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:15:00Z", 3) ==
        "04-05T01:30:00+11:00, 04-05T01:30:00+10:30, 04-05T02:00:00+10:30");
}

TEST_CASE("rare expressions are found however far away they are", "[next_run]") {
  CHECK(next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z") == "02-29T00:00:00+00:00");
  const auto rare = CronExpression::parsed("0 0 */28 2 MON#5");
  const auto due = next_run(rare, TimeZone(), at("2026-01-01T00:00:00Z"));
  REQUIRE(due.has_value());
  CHECK(format_time(*due) == "2044-02-29T00:00:00Z");
  CHECK(previous_run(rare, TimeZone(), at("2090-01-01T00:00:00Z")) == at("2072-02-29T00:00:00Z"));
}

TEST_CASE("a clock that shows nonsense ends nothing", "[next_run]") {
  const auto daily = CronExpression::parsed("30 2 * * *");
  const TimeZone berlin = TimeZone::named("Europe/Berlin");
  CHECK_FALSE(next_run(daily, berlin, Time::max()).has_value());
  CHECK_FALSE(next_run(CronExpression::parsed("0 * * * *"), berlin, Time::max()).has_value());
  CHECK(next_run(daily, berlin, Time::min()).has_value());
  CHECK(next_run(CronExpression::parsed("0 * * * *"), berlin, Time::min()).has_value());
}

}  // namespace next_run_test
