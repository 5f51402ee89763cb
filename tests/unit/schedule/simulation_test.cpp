#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "schedule/planner.h"
#include "unit/schedule/local_clock.h"
#include "unit/schedule/moments.h"

namespace simulation_test {

// Three years of planning, in simulated time: what starts is checked against the list of due times that a walk through every
// minute finds (local_clock.h), and against what downtime takes away by plain reasoning.

using namespace pgrecall;
using namespace std::chrono_literals;
using test::at;

namespace {
const Time first_moment = at("2024-01-01T00:00:00Z");
const Time last_moment = at("2027-01-01T00:00:00Z");

struct Uptime {
  Time from;
  Time to;
};

// Days or weeks of work, with minutes or days of downtime between.
std::vector<Uptime> make_uptimes(unsigned seed) {
  std::mt19937 random(seed);
  const auto seconds = [&](int least, int most) {
    return std::chrono::seconds(std::uniform_int_distribution(least, most)(random));
  };
  std::vector<Uptime> all;
  for (Time from = first_moment; from < last_moment;) {
    const Time to = std::min(from + seconds(600, 20 * 86'400), last_moment);
    all.push_back({from, to});
    from = to + (random() % 3 == 0 ? seconds(3'600, 6 * 86'400) : seconds(1, 7'200));
  }
  return all;
}

struct Sample {
  const char* expression;
  test::Walk walk;
  test::Fits fits;
};
const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {"30 2 * * *", test::Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 2 && t.tm_min == 30; }},
      {"30 1 * * 0", test::Walk::by_reading, [](const std::tm& t) { return t.tm_wday == 0 && t.tm_hour == 1 && t.tm_min == 30; }},
      {"0 2 1 * *", test::Walk::by_reading, [](const std::tm& t) { return t.tm_mday == 1 && t.tm_hour == 2 && t.tm_min == 0; }},
      {"45 * * * *", test::Walk::elapsed, [](const std::tm& t) { return t.tm_min == 45; }},
  };
  return all;
}

using Started = std::map<Time, std::pair<Time, StartReason>>;  // when and why, by due time

// What must start: what falls due while the daemon is up, at that time; of what falls due while it is down the last, when it
// comes up again, or nothing where that is not wanted.
Started expected(const std::vector<Time>& due, const std::vector<Uptime>& uptimes, SchedulePolicy::CatchUp catch_up) {
  Started all;
  std::size_t next = 0;
  for (const Uptime& up : uptimes) {
    std::optional<Time> missed;
    for (; next < due.size() && due[next] < up.from; ++next) {
      missed = due[next];
    }
    if (missed && up.from - *missed <= 1min) {
      all[*missed] = {up.from, StartReason::on_time};
    } else if (missed && catch_up == SchedulePolicy::CatchUp::once) {
      all[*missed] = {up.from, StartReason::catch_up};
    }
    for (; next < due.size() && due[next] < up.to; ++next) {
      all[due[next]] = {due[next], StartReason::on_time};
    }
  }
  return all;
}

struct Outcome {
  Started started;
  std::uint64_t skipped = 0;
  std::uint64_t asked = 0;
  unsigned twice = 0;
};

// A daemon that does nothing but ask: at its start, and whenever it was told to.
Outcome simulate(const JobSchedule& schedule, const std::vector<Uptime>& uptimes) {
  Outcome outcome;
  JobProgress progress{.handled = first_moment - 1us, .started_later = {}, .waiting = {}};
  for (const Uptime& up : uptimes) {
    for (Time now = up.from; now < up.to;) {
      const Decision decision = decide(schedule, progress, ClusterActivity::idle, now);
      ++outcome.asked;
      outcome.skipped += decision.skipped_count;
      if (decision.start) {
        outcome.twice += outcome.started.emplace(decision.start->due, std::pair(now, decision.start->reason)).second ? 0U : 1U;
      }
      if (decision.wake <= now) {
        FAIL("the planner wants to be asked again at once at " << format_time(now));
      }
      progress.handled = decision.handled;
      now = decision.wake;
    }
  }
  return outcome;
}

std::string difference(const Started& found, const Started& wanted) {
  for (const auto& [due, start] : wanted) {
    const auto there = found.find(due);
    if (there == found.end()) {
      return "due " + format_time(due) + " was not started";
    }
    if (there->second != start) {
      return "due " + format_time(due) + " started at " + format_time(there->second.first) + ", not " + format_time(start.first);
    }
  }
  for (const auto& [due, start] : found) {
    if (wanted.count(due) == 0) {
      return "started without being due: " + format_time(due);
    }
  }
  return "";
}
}  // namespace

TEST_CASE("three years with downtimes: the right runs, none twice, none lost", "[simulation][long]") {
  const std::string name = GENERATE("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana");
  INFO(name);
  const test::LocalClock clock(name);
  const auto seconds_of = [](Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); };
  unsigned seed = 1;
  for (const Sample& sample : samples()) {
    const std::vector<Time> due =
        test::due_times(clock, sample.fits, sample.walk, seconds_of(first_moment), seconds_of(last_moment));
    for (const auto catch_up : {SchedulePolicy::CatchUp::once, SchedulePolicy::CatchUp::none}) {
      const std::vector<Uptime> uptimes = make_uptimes(++seed);
      const JobSchedule schedule{
          "prod", "job", CronExpression::parsed(sample.expression), TimeZone::named(name), {.catch_up = catch_up}};
      const Outcome outcome = simulate(schedule, uptimes);
      INFO(sample.expression << " seed " << seed);
      const Started wanted = expected(due, uptimes, catch_up);
      CHECK(outcome.twice == 0);
      CHECK(difference(outcome.started, wanted) == "");
      // Whatever fell due while somebody was there to count it was started or left out, once.
      const auto counted =
          static_cast<std::uint64_t>(std::count_if(due.begin(), due.end(), [&](Time time) { return time < uptimes.back().to; }));
      CHECK(outcome.started.size() + outcome.skipped == counted);
      CHECK(outcome.asked < due.size() + 2 * uptimes.size() + 2);
    }
  }
}

TEST_CASE("three years of six jobs of one cluster: one run at a time, and each due time dealt with once", "[simulation][long]") {
  struct Job {
    const char* name;
    const char* expression;
    std::chrono::minutes longest;
  };
  const std::vector<Job> jobs{{"daily", "30 2 * * *", 90min},    {"weekly", "30 3 * * 0", 300min},
                              {"monthly", "30 4 1 * *", 400min}, {"verify", "30 6 * * 6", 30 * 60min},
                              {"expire", "0 8 * * *", 20min},    {"check", "45 * * * *", 2min}};
  std::vector<JobSchedule> schedules;
  for (const Job& job : jobs) {
    schedules.push_back({"prod",
                         job.name,
                         CronExpression::parsed(job.expression),
                         TimeZone::named("Europe/Berlin"),
                         {.spread = 15min, .not_after = 20h}});
  }
  std::mt19937 random(7);
  std::vector<JobProgress> progress(jobs.size(), {.handled = first_moment, .started_later = {}, .waiting = {}});
  std::vector<std::set<Time>> dealt_with(jobs.size());
  std::optional<std::size_t> running;
  Time ends = last_moment;
  int twice = 0;
  int overlaps = 0;
  int untimely = 0;
  std::map<SkipReason, int> skips;
  std::map<StartReason, int> starts;
  for (Time now = first_moment; now < last_moment;) {
    if (running && ends <= now) {
      running.reset();
      ends = last_moment;
    }
    Time wake = ends;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const auto activity =
          !running ? ClusterActivity::idle : (*running == i ? ClusterActivity::same_job : ClusterActivity::other_run);
      const Decision decision = decide(schedules[i], progress[i], activity, now);
      progress[i].handled = decision.handled;
      progress[i].waiting = decision.waiting ? std::optional(decision.waiting->due) : std::nullopt;
      for (const Decision::Skip& skip : decision.skipped) {
        twice += dealt_with[i].insert(skip.due).second ? 0 : 1;
        ++skips[skip.reason];
      }
      if (decision.start) {
        overlaps += running ? 1 : 0;
        twice += dealt_with[i].insert(decision.start->due).second ? 0 : 1;
        untimely += now < decision.start->planned || now > decision.start->due + 20h ? 1 : 0;
        ++starts[decision.start->reason];
        running = i;
        ends = now + std::chrono::minutes(1 + random() % static_cast<unsigned>(jobs[i].longest.count()));
        wake = std::min(wake, ends);
      }
      wake = std::min(wake, decision.wake);
    }
    if (wake <= now) {
      FAIL("the planner wants to be asked again at once at " << format_time(now));
    }
    now = wake;
  }
  CHECK(twice == 0);
  CHECK(overlaps == 0);
  CHECK(untimely == 0);
  // 1096 days of 24 checks, and of one of what is daily; 26 changes of the clock take nothing away.
  CHECK(dealt_with[0].size() == 1096);
  CHECK(dealt_with[1].size() == 156);
  CHECK(dealt_with[2].size() == 36);
  CHECK(dealt_with[3].size() == 156);
  CHECK(dealt_with[4].size() == 1096);
  CHECK(dealt_with[5].size() == 1096 * 24);
  // All of these ways really were gone.
  CHECK(starts[StartReason::on_time] > 20'000);
  CHECK(starts[StartReason::late] + starts[StartReason::catch_up] > 300);
  CHECK(skips[SkipReason::superseded] > 100);
  CHECK(skips[SkipReason::too_late] > 5);
  CHECK(skips[SkipReason::missed] == 0);
}

TEST_CASE("three years with a clock that jumps: nothing starts twice, and work goes on", "[simulation][long]") {
  const JobSchedule schedule{"prod", "daily", CronExpression::parsed("30 2 * * *"), TimeZone::named("Europe/Berlin"), {}};
  std::mt19937 random(11);
  std::set<Time> started;
  JobProgress progress{.handled = first_moment, .started_later = {}, .waiting = {}};
  std::chrono::seconds wrong{0};  // how much the clock is ahead
  Time last_start = first_moment;
  std::chrono::seconds longest_pause{0};
  int wrong_marks = 0;
  for (Time real = first_moment; real < last_moment; real += 1min) {
    if (random() % (30 * 1'440) == 0) {
      // By minutes, hours, days or years; half of the jumps set it right.
      constexpr std::array<int, 4> sizes{600, 7'200, 5 * 86'400, 20 * 365 * 86'400};
      const int size = sizes.at(random() % sizes.size());
      wrong = random() % 2 == 0 ? 0s : std::chrono::seconds(std::uniform_int_distribution(-size, size)(random));
    }
    const Time now = real + wrong;
    progress.started_later.assign(started.upper_bound(progress.handled.value()), started.end());
    const Decision decision = decide(schedule, progress, ClusterActivity::idle, now);
    wrong_marks += decision.wrong_mark ? 1 : 0;
    progress.handled = decision.handled;
    if (decision.start) {
      REQUIRE(started.insert(decision.start->due).second);
      longest_pause = std::max(longest_pause, std::chrono::floor<std::chrono::seconds>(real - last_start));
      last_start = real;
    }
  }
  CHECK(wrong_marks > 3);
  CHECK(started.size() > 1'000);
  // A day, what a clock within 25 hours may hold back, and what a due time that the wrong clock had started takes away.
  CHECK(longest_pause < std::chrono::hours(24 * 8));
}

}  // namespace simulation_test
