#include "service/run_choice.h"

#include <catch2/catch.hpp>

namespace run_choice_test {

using namespace pgrecall;

namespace {
const Time noon = parse_time("2026-11-23T12:00:00Z").value();

WaitingRun waiting(const std::string& id, const std::string& cluster, RunTrigger trigger = RunTrigger::schedule) {
  WaitingRun run;
  run.id = id;
  run.cluster = cluster;
  run.repository = "main";
  run.trigger = trigger;
  return run;
}

RunLimits limits(unsigned all, unsigned of_main) { return {.all = all, .of_repository = {{"main", of_main}}}; }
}  // namespace

TEST_CASE("what somebody asked for goes first, then repairs, then who was there first") {
  const std::vector<WaitingRun> all{waiting("retry", "a", RunTrigger::retry), waiting("first", "b", RunTrigger::first),
                                    waiting("repair", "c", RunTrigger::repair), waiting("manual", "d", RunTrigger::manual)};
  std::vector<WaitingRun> left = all;
  std::vector<std::string> order;
  while (!left.empty()) {
    const RunChoice choice = choose_run(left, {}, limits(4, 4), noon);
    REQUIRE(choice.next);
    order.push_back(*choice.next);
    std::erase_if(left, [&](const WaitingRun& run) { return run.id == *choice.next; });
    CHECK(choice.reasons.size() == left.size());
  }
  CHECK(order == std::vector<std::string>{"manual", "repair", "retry", "first"});
}

TEST_CASE("one run a cluster at a time, and others are not held up by it") {
  const RunChoice choice =
      choose_run({waiting("a2", "a", RunTrigger::manual), waiting("b1", "b")}, {{"a1", "a", "main"}}, limits(4, 4), noon);
  CHECK(choice.next == "b1");
  CHECK_THAT(choice.reasons.at("a2"), Catch::Contains("a1"));
}

TEST_CASE("limits hold for all and for each repository") {
  CHECK(has_room(limits(2, 2), {{"x", "x", "main"}}, "main"));
  CHECK_FALSE(has_room(limits(2, 3), {{"x", "x", "main"}, {"y", "y", "other"}}, "main"));
  CHECK_FALSE(has_room(limits(3, 1), {{"x", "x", "main"}}, "main"));
  CHECK(has_room(limits(3, 1), {{"x", "x", "main"}}, "unknown"));
  CHECK_FALSE(has_room(limits(3, 1), {{"x", "x", "unknown"}}, "unknown"));
  const RunChoice all = choose_run({waiting("a", "a")}, {{"x", "x", "other"}}, limits(1, 1), noon);
  CHECK_FALSE(all.next);
  CHECK_THAT(all.reasons.at("a"), Catch::Contains("daemon.parallel_runs"));
  const RunChoice one = choose_run({waiting("a", "a")}, {{"x", "x", "main"}}, limits(5, 1), noon);
  CHECK_THAT(one.reasons.at("a"), Catch::Contains("repository main"));
}

TEST_CASE("a retry waits for its time, and tells when that is") {
  WaitingRun retry = waiting("a", "a", RunTrigger::retry);
  retry.not_before = noon + std::chrono::minutes(10);
  const RunChoice before = choose_run({retry}, {}, limits(1, 1), noon);
  CHECK_FALSE(before.next);
  CHECK(before.wake == retry.not_before);
  CHECK(choose_run({retry}, {}, limits(1, 1), *retry.not_before).next == "a");
}

TEST_CASE("late runs wait for off-peak hours; what somebody asked for, and repairs, do not") {
  const auto at_noon = [](RunTrigger trigger) {
    WaitingRun run = waiting("a", "a", trigger);
    run.off_peak = OffPeak::parse("22:00-06:00");
    return choose_run({run}, {}, limits(1, 1), noon);
  };
  CHECK(at_noon(RunTrigger::manual).next);
  CHECK(at_noon(RunTrigger::repair).next);
  CHECK_FALSE(at_noon(RunTrigger::first).next);
  CHECK(at_noon(RunTrigger::retry).wake == noon + std::chrono::hours(10));
}

TEST_CASE("nothing starts for a cluster that another daemon has") {
  WaitingRun run = waiting("a", "a", RunTrigger::manual);
  run.cluster_is_ours = false;
  const RunChoice choice = choose_run({run, waiting("b", "b")}, {}, limits(1, 1), noon);
  CHECK(choice.next == "b");
  CHECK_THAT(choice.reasons.at("a"), Catch::Contains("not ours"));
}

}  // namespace run_choice_test
