#include "service/schedules.h"

#include <catch2/catch.hpp>

#include "unit/service/scratch.h"

namespace schedules_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
const Time noon = parse_time("2026-11-23T12:00:00Z").value();

struct Fixture {
  Fixture() : journal(Journal::open(scratch / "state", noon).journal), schedules(std::make_unique<Schedules>(*journal)) {}

  void configure(const std::string& schedule_a, const std::string& schedule_b = "daily: never") {
    const auto cluster = [](const std::string& name, const std::string& schedule) {
      return "  " + name +
             ":\n    connection: \"host=x\"\n    repository: main\n    schedule: { weekly: never, monthly: never, " +
             "verify: never, drill: never, expire: never, check: never, " + schedule + " }\n";
    };
    const ConfigCheck check = check_config_text(
        "repositories: { main: { path: /srv/r } }\nclusters:\n" + cluster("a", schedule_a) + cluster("b", schedule_b),
        "/etc/x.yaml");
    REQUIRE(check.errors.empty());
    schedules->configure(check.config);
  }
  Schedules::Round look(Time now, ClusterActivity activity = ClusterActivity::idle) {
    return schedules->look([](const std::string&) { return true; }, [&](const JobSchedule&) { return activity; }, now);
  }
  // Takes what is due, as the supervisor does; returns how many there were.
  int take_all(Time now) {
    int taken = 0;
    for (auto round = look(now); round.due; round = look(now)) {
      Run run;
      run.cluster = round.due->cluster;
      run.job = round.due->job;
      run.due = round.due->start.due;
      run.created = now;
      journal->add_due(run, round.due->handled);
      schedules->started(*round.due);
      ++taken;
    }
    return taken;
  }

  Scratch scratch;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Schedules> schedules;
};
}  // namespace

TEST_CASE_METHOD(Fixture, "a new job starts with what comes, and then once for each time") {
  configure("daily: \"30 * * * *\"");
  CHECK(take_all(noon) == 0);
  CHECK(take_all(noon + 29min) == 0);
  CHECK(take_all(noon + 30min) == 1);
  CHECK(take_all(noon + 31min) == 0);
  CHECK(take_all(noon + 91min) == 1);
}

TEST_CASE_METHOD(Fixture, "the wake time is the next due one") {
  configure("daily: \"30 * * * *\"", "daily: \"45 * * * *\"");
  CHECK(look(noon).wake == noon + 30min);
}

TEST_CASE_METHOD(Fixture, "of several that are due the one that was due first is taken first") {
  configure("daily: \"40 * * * *\"", "daily: \"20 * * * *\"");
  static_cast<void>(take_all(noon));
  const auto round = look(noon + 50min);
  REQUIRE(round.due);
  CHECK(round.due->cluster == "b");
}

TEST_CASE_METHOD(Fixture, "what a restart finds handled is not started again; what fell due meanwhile is") {
  configure("daily: \"30 * * * *\"");
  static_cast<void>(take_all(noon));
  REQUIRE(take_all(noon + 30min) == 1);
  schedules = std::make_unique<Schedules>(*journal);
  configure("daily: \"30 * * * *\"");
  CHECK(take_all(noon + 40min) == 0);
  const auto round = look(noon + 4h);
  REQUIRE(round.due);
  CHECK(round.due->start.reason == StartReason::catch_up);
  CHECK(round.due->start.due == noon + 3h + 30min);
  CHECK(round.skipped.size() == 2);  // for which the newest stands
}

TEST_CASE_METHOD(Fixture, "what the repository shows to be done is not made up for") {
  configure("daily: \"30 * * * *\"");
  schedules->note_done("a", "daily", noon - 20min);  // another daemon made it
  CHECK(take_all(noon) == 0);
  CHECK(take_all(noon + 30min) == 1);
  schedules->note_done("a", "daily", noon - 5h);  // older than what was handled
  CHECK(take_all(noon + 31min) == 0);
  schedules->note_done("a", "nosuch", noon);
  schedules->note_done("nosuch", "daily", noon);
}

TEST_CASE_METHOD(Fixture, "a run that waits for another is told of, and waits on over a reload") {
  configure("daily: \"30 * * * *\", catch_up: none");
  static_cast<void>(take_all(noon));
  const auto round = look(noon + 30min, ClusterActivity::other_run);
  CHECK_FALSE(round.due);
  const auto upcoming = schedules->upcoming("a", noon + 31min);
  REQUIRE(upcoming.size() == 1);
  CHECK(upcoming[0].due == noon + 30min);
  CHECK_FALSE(upcoming[0].waiting.empty());
  configure("daily: \"30 * * * *\", catch_up: none");
  CHECK(take_all(noon + 35min) == 1);
}

TEST_CASE_METHOD(Fixture, "clusters of another daemon are left alone") {
  configure("daily: \"30 * * * *\"", "daily: \"30 * * * *\"");
  static_cast<void>(take_all(noon));
  const auto round = schedules->look([](const std::string& cluster) { return cluster == "b"; },
                                     [](const JobSchedule&) { return ClusterActivity::idle; }, noon + 30min);
  REQUIRE(round.due);
  CHECK(round.due->cluster == "b");
}

TEST_CASE_METHOD(Fixture, "what comes is told soonest first") {
  configure("daily: \"40 * * * *\"", "daily: \"20 * * * *\"");
  const auto all = schedules->upcoming({}, noon);
  REQUIRE(all.size() == 2);
  CHECK(all[0].cluster == "b");
  CHECK(all[0].due == noon + 20min);
  CHECK(schedules->upcoming("a", noon).size() == 1);
}

}  // namespace schedules_test
