#include "schedule/planner.h"

#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "unit/schedule/moments.h"

namespace planner_test {

using namespace pgrecall;
using namespace std::chrono_literals;
using test::at;

namespace {
JobSchedule daily(SchedulePolicy policy = {}, const std::string& zone = "UTC") {
  return {"prod", "daily", CronExpression::parsed("30 2 * * *"), TimeZone::named(zone), policy};
}

JobProgress handled(const std::string& moment) { return {.handled = at(moment), .started_later = {}, .waiting = {}}; }

// "start 23T02:30 on_time; skip 22T02:30 superseded; wait 23T02:30 off_peak; handled 23T02:30; wake 24T02:30"
std::string text(const Decision& decision) {
  const auto when = [](Time time) { return format_time(time).substr(8, 8); };
  std::string all;
  if (decision.start) {
    all += "start " + when(decision.start->due) + " " + std::string(name(decision.start->reason)) + "; ";
  }
  for (const Decision::Skip& skip : decision.skipped) {
    all += "skip " + when(skip.due) + " " + std::string(name(skip.reason)) + "; ";
  }
  if (decision.waiting) {
    all += "wait " + when(decision.waiting->due) + " " + std::string(name(decision.waiting->reason)) + "; ";
  }
  return all + "handled " + when(decision.handled) + "; wake " + when(decision.wake);
}

std::string decided(const JobSchedule& schedule, const JobProgress& progress, const std::string& now,
                    ClusterActivity activity = ClusterActivity::idle) {
  return text(decide(schedule, progress, activity, at(now)));
}
}  // namespace

TEST_CASE("a job that was never looked at starts with what comes", "[planner]") {
  CHECK(decided(daily(), {}, "2026-11-23T12:00:00Z") == "handled 23T12:00; wake 24T02:30");
}

TEST_CASE("what is due starts, once", "[planner]") {
  CHECK(decided(daily(), handled("2026-11-22T02:30:00Z"), "2026-11-23T02:29:59Z") == "handled 22T02:30; wake 23T02:30");
  CHECK(decided(daily(), handled("2026-11-22T02:30:00Z"), "2026-11-23T02:30:00Z") ==
        "start 23T02:30 on_time; handled 23T02:30; wake 24T02:30");
  CHECK(decided(daily(), handled("2026-11-23T02:30:00Z"), "2026-11-23T02:30:00Z") == "handled 23T02:30; wake 24T02:30");
  CHECK(decided(daily(), handled("2026-11-23T02:30:00Z"), "2026-11-23T02:30:30Z") == "handled 23T02:30; wake 24T02:30");
}

TEST_CASE("of several missed ones the newest is caught up", "[planner]") {
  CHECK(decided(daily(), handled("2026-11-20T02:30:00Z"), "2026-11-23T12:00:00Z") ==
        "start 23T02:30 catch_up; skip 21T02:30 superseded; skip 22T02:30 superseded; handled 23T02:30; wake 24T02:30");
}

TEST_CASE("catch_up: none leaves out what was missed, and not what a minute delays", "[planner]") {
  const JobSchedule none = daily({.catch_up = SchedulePolicy::CatchUp::none});
  CHECK(decided(none, handled("2026-11-20T02:30:00Z"), "2026-11-22T12:00:00Z") ==
        "skip 21T02:30 missed; skip 22T02:30 missed; handled 22T02:30; wake 23T02:30");
  CHECK(decided(none, handled("2026-11-22T02:30:00Z"), "2026-11-23T02:31:00Z") ==
        "start 23T02:30 on_time; handled 23T02:30; wake 24T02:30");
  CHECK(decided(none, handled("2026-11-22T02:30:00Z"), "2026-11-23T02:31:01Z") ==
        "skip 23T02:30 missed; handled 23T02:30; wake 24T02:30");
  // Who waited for another was not missed.
  JobProgress waited = handled("2026-11-22T02:30:00Z");
  waited.waiting = at("2026-11-23T02:30:00Z");
  CHECK(decided(none, waited, "2026-11-23T05:00:00Z") == "start 23T02:30 late; handled 23T02:30; wake 24T02:30");
  CHECK(decided(none, waited, "2026-11-24T05:00:00Z") ==
        "skip 23T02:30 superseded; skip 24T02:30 missed; handled 24T02:30; wake 25T02:30");
}

TEST_CASE("one run of a cluster at a time", "[planner]") {
  const JobProgress progress = handled("2026-11-22T02:30:00Z");
  CHECK(decided(daily(), progress, "2026-11-23T02:30:00Z", ClusterActivity::other_run) ==
        "wait 23T02:30 cluster_busy; handled 22T02:30; wake 24T02:30");
  CHECK(decided(daily(), progress, "2026-11-23T02:30:00Z", ClusterActivity::same_job) ==
        "skip 23T02:30 still_running; handled 23T02:30; wake 24T02:30");
}

TEST_CASE("not_after ends the waiting", "[planner]") {
  const JobSchedule limited = daily({.not_after = 2h});
  const JobProgress progress = handled("2026-11-22T02:30:00Z");
  const Decision busy = decide(limited, progress, ClusterActivity::other_run, at("2026-11-23T02:30:00Z"));
  REQUIRE(busy.waiting.has_value());
  CHECK(busy.wake == at("2026-11-23T04:30:01Z"));
  CHECK(decided(limited, progress, "2026-11-23T04:30:00Z") == "start 23T02:30 catch_up; handled 23T02:30; wake 24T02:30");
  CHECK(decided(limited, progress, "2026-11-23T04:30:01Z", ClusterActivity::other_run) ==
        "skip 23T02:30 too_late; handled 23T02:30; wake 24T02:30");
}

TEST_CASE("what is late waits for the off-peak hours; what is on time does not", "[planner]") {
  const JobSchedule nightly = {"prod",
                               "daily",
                               CronExpression::parsed("30 12 * * *"),
                               TimeZone::named("Europe/Berlin"),
                               {.off_peak = OffPeak::parse("22:00-06:00")}};
  const JobProgress progress = handled("2026-11-22T11:30:00Z");
  CHECK(decided(nightly, progress, "2026-11-23T11:30:00Z") == "start 23T11:30 on_time; handled 23T11:30; wake 24T11:30");
  CHECK(decided(nightly, progress, "2026-11-23T14:00:00Z") == "wait 23T11:30 off_peak; handled 22T11:30; wake 23T21:00");
  CHECK(decided(nightly, progress, "2026-11-23T21:00:00Z") == "start 23T11:30 catch_up; handled 23T11:30; wake 24T11:30");
  CHECK(decided(nightly, progress, "2026-11-24T04:59:59Z") == "start 23T11:30 catch_up; handled 23T11:30; wake 24T11:30");
  CHECK(decided(nightly, progress, "2026-11-24T05:00:00Z") == "wait 23T11:30 off_peak; handled 22T11:30; wake 24T11:30");
}

TEST_CASE("the spread is fixed by names, within its bounds, and even", "[planner]") {
  JobSchedule schedule = daily({.spread = 10min});
  const auto delay = start_delay(schedule);
  CHECK(delay == start_delay(schedule));
  const Time due = at("2026-11-23T02:30:00Z");
  const JobProgress progress = handled("2026-11-22T02:30:00Z");
  CHECK_FALSE(decide(schedule, progress, ClusterActivity::idle, due + delay - 1s).start.has_value());
  CHECK(decide(schedule, progress, ClusterActivity::idle, due + delay - 1s).wake == due + delay);
  const Decision now = decide(schedule, progress, ClusterActivity::idle, due + delay);
  REQUIRE(now.start.has_value());
  CHECK(now.start->due == due);
  CHECK(now.start->planned == due + delay);
  CHECK(now.start->reason == StartReason::on_time);

  std::array<int, 10> clusters_in_minute{};
  for (int i = 0; i < 1000; ++i) {
    schedule.cluster = "cluster" + std::to_string(i);
    const auto of_this = start_delay(schedule);
    REQUIRE(of_this >= 0s);
    REQUIRE(of_this < 10min);
    ++clusters_in_minute.at(static_cast<std::size_t>(of_this / 1min));
  }
  for (const int count : clusters_in_minute) {
    CHECK(count > 60);
  }
  // Neither is "ab" + "c" the same as "a" + "bc".
  CHECK(start_delay({"ab", "c", schedule.when, {}, {.spread = 24h}}) !=
        start_delay({"a", "bc", schedule.when, {}, {.spread = 24h}}));
  CHECK(start_delay(daily({.spread = 999ms})) == 0s);
  // The value itself, so that an update of pgrecall moves nobody's backups: sha256sum of "prod\0daily".
  CHECK(start_delay(daily({.spread = 24h})) == 58616s);
}

TEST_CASE("a clock that went back starts nothing twice", "[planner]") {
  // Two hours: what was dealt with is not due again.
  CHECK(decided(daily(), handled("2026-11-23T02:30:00Z"), "2026-11-23T01:00:00Z") == "handled 23T02:30; wake 24T02:30");
  CHECK(decided(daily(), handled("2026-11-23T02:30:00Z"), "2026-11-23T02:30:00Z") == "handled 23T02:30; wake 24T02:30");
  // Years: the clock had been wrong.
  JobProgress progress = handled("2040-01-01T02:30:00Z");
  progress.started_later = {at("2040-01-01T02:30:00Z")};
  const Decision back = decide(daily(), progress, ClusterActivity::idle, at("2026-11-23T01:00:00Z"));
  CHECK(back.wrong_mark == at("2040-01-01T02:30:00Z"));
  CHECK(text(back) == "handled 23T01:00; wake 23T02:30");
  progress.handled = back.handled;
  CHECK(decided(daily(), progress, "2026-11-23T02:30:00Z") == "start 23T02:30 on_time; handled 23T02:30; wake 24T02:30");
  // What the wrong clock started does not start again when its time really comes.
  progress.handled = at("2039-12-31T02:30:00Z");
  CHECK(decided(daily(), progress, "2040-01-01T02:30:00Z") == "skip 01T02:30 already_started; handled 01T02:30; wake 02T02:30");
}

TEST_CASE("a clock that jumped ahead is downtime", "[planner]") {
  CHECK(decided(daily(), handled("2026-11-23T02:30:00Z"), "2026-12-24T12:00:00Z").substr(0, 23) == "start 24T02:30 catch_up");
  CHECK(decide(daily(), handled("2026-11-23T02:30:00Z"), ClusterActivity::idle, at("2026-12-24T12:00:00Z")).skipped_count == 30);
}

TEST_CASE("years of a job of every minute are told with bounds", "[planner]") {
  const JobSchedule check{"prod", "check", CronExpression::parsed("* * * * *"), {}, {}};
  const Decision decision = decide(check, handled("2020-01-01T00:00:00Z"), ClusterActivity::idle, at("2026-11-23T12:00:10Z"));
  REQUIRE(decision.start.has_value());
  CHECK(decision.start->due == at("2026-11-23T12:00:00Z"));
  CHECK(decision.start->reason == StartReason::on_time);
  CHECK(decision.skipped.size() == 50);
  CHECK(decision.skipped_count == 100'000);
  CHECK(decision.handled == at("2026-11-23T12:00:00Z"));
}

TEST_CASE("off-peak hours", "[planner]") {
  for (const char* wrong :
       {"", "22:00", "22:00-", "22:00-24:00", "22:60-23:00", "2:00-06:00", "22:00-06:00 ", "22:00-22:00", "22.00-06.00"}) {
    INFO(wrong);
    CHECK_FALSE(OffPeak::parse(wrong).has_value());
  }
  const auto night = OffPeak::parse("22:00-06:00");
  const auto noon = OffPeak::parse("12:00-13:30");
  REQUIRE(night.has_value());
  REQUIRE(noon.has_value());
  CHECK(night->to_string() == "22:00-06:00");
  const TimeZone utc;
  struct Row {
    const char* moment;
    bool in_night;
    bool in_noon;
  };
  for (const Row& row : {Row{"2026-11-23T21:59:59Z", false, false}, Row{"2026-11-23T22:00:00Z", true, false},
                         Row{"2026-11-23T00:00:00Z", true, false}, Row{"2026-11-23T05:59:59Z", true, false},
                         Row{"2026-11-23T06:00:00Z", false, false}, Row{"2026-11-23T12:00:00Z", false, true},
                         Row{"2026-11-23T13:29:59Z", false, true}, Row{"2026-11-23T13:30:00Z", false, false}}) {
    INFO(row.moment);
    CHECK(night->contains(utc, at(row.moment)) == row.in_night);
    CHECK(noon->contains(utc, at(row.moment)) == row.in_noon);
  }
  // In the night in which the clock skips their beginning, they begin with the first moment after it.
  const auto small = OffPeak::parse("02:30-04:00");
  REQUIRE(small.has_value());
  const TimeZone berlin = TimeZone::named("Europe/Berlin");
  CHECK(small->next_opening(berlin, at("2026-03-28T12:00:00Z")) == at("2026-03-29T01:00:00Z"));
}

TEST_CASE("each reason has a name and a text of its own", "[planner]") {
  std::set<std::string_view> said;
  for (const auto reason : {SkipReason::missed, SkipReason::superseded, SkipReason::too_late, SkipReason::still_running,
                            SkipReason::already_started}) {
    CHECK(said.insert(name(reason)).second);
    CHECK(said.insert(text(reason)).second);
  }
  for (const auto reason : {WaitReason::cluster_busy, WaitReason::off_peak}) {
    CHECK(said.insert(name(reason)).second);
    CHECK(said.insert(text(reason)).second);
  }
  for (const auto reason : {StartReason::on_time, StartReason::catch_up, StartReason::late}) {
    CHECK(said.insert(name(reason)).second);
  }
}

}  // namespace planner_test
