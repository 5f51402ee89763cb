#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "schedule/next_run.h"
#include "unit/schedule/local_clock.h"

namespace transitions_test {

using namespace pgrecall;
using test::Walk;

namespace {
struct Sample {
  const char* expression;
  Walk walk;
  test::Fits fits;
};

bool last_of_month(const std::tm& reading) {
  std::tm tomorrow = reading;
  ++tomorrow.tm_mday;
  ::timegm(&tomorrow);
  return tomorrow.tm_mday == 1;
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {"30 2 * * *", Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 2 && t.tm_min == 30; }},
      {"0 0 * * *", Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 0 && t.tm_min == 0; }},
      {"30 0 * * *", Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 0 && t.tm_min == 30; }},
      {"*/10 1-3 * * *", Walk::by_reading,
       [](const std::tm& t) { return t.tm_hour >= 1 && t.tm_hour <= 3 && t.tm_min % 10 == 0; }},
      {"15,45 */2 * * *", Walk::by_reading,
       [](const std::tm& t) { return t.tm_hour % 2 == 0 && (t.tm_min == 15 || t.tm_min == 45); }},
      {"* 2 * * *", Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 2; }},
      {"59 23 * * *", Walk::by_reading, [](const std::tm& t) { return t.tm_hour == 23 && t.tm_min == 59; }},
      {"15 2 * * SUN", Walk::by_reading, [](const std::tm& t) { return t.tm_wday == 0 && t.tm_hour == 2 && t.tm_min == 15; }},
      {"45 1,2 L * SUN#2", Walk::by_reading,
       [](const std::tm& t) {
         const bool second_sunday = t.tm_wday == 0 && t.tm_mday >= 8 && t.tm_mday <= 14;
         return (last_of_month(t) || second_sunday) && (t.tm_hour == 1 || t.tm_hour == 2) && t.tm_min == 45;
       }},
      {"0 * * * *", Walk::elapsed, [](const std::tm& t) { return t.tm_min == 0; }},
      {"*/15 * * * *", Walk::elapsed, [](const std::tm& t) { return t.tm_min % 15 == 0; }},
      {"40 * * * SUN", Walk::elapsed, [](const std::tm& t) { return t.tm_min == 40 && t.tm_wday == 0; }},
      {"* 0-23 * * *", Walk::elapsed, [](const std::tm&) { return true; }},
  };
  return all;
}

// Whatever moment somebody asks at, also within a minute, next_run and previous_run say what is in the list.
void check_every_minute(const Sample& sample, const TimeZone& zone, const std::vector<Time>& due, Time start, Time end) {
  const CronExpression expression = CronExpression::parsed(sample.expression);
  std::size_t wrong = 0;
  // Now at the full minute, now half a minute past it.
  for (Time asked = start; asked < end; asked += std::chrono::seconds(90)) {
    const auto later = std::upper_bound(due.begin(), due.end(), asked);
    if (later != due.end() && next_run(expression, zone, asked) != *later) {
      ++wrong;
      UNSCOPED_INFO("next after " << format_time(asked) << " is " << format_time(*later));
    }
    // Searching backwards takes much longer: now and then is enough.
    constexpr auto now_and_then = std::chrono::minutes(17);
    if (later != due.begin() && asked.time_since_epoch() % now_and_then < std::chrono::minutes(1) &&
        previous_run(expression, zone, asked) != *std::prev(later)) {
      ++wrong;
      UNSCOPED_INFO("last at or before " << format_time(asked) << " is " << format_time(*std::prev(later)));
    }
  }
  CHECK(wrong == 0);
}

// Around every change of the clock within those years, and on some days without one. How many changes there were.
std::size_t check_zone(const std::string& name) {
  INFO(name);
  const TimeZone zone = TimeZone::named(name);
  const test::LocalClock clock(name);
  std::vector<std::time_t> moments = clock.transitions(2020, 2031);
  const std::size_t changes = moments.size();
  moments.push_back(1'772'000'000);
  for (const std::time_t moment : moments) {
    constexpr std::time_t before = 14 * 3600;
    constexpr std::time_t after = 30 * 3600;
    const std::time_t start = (moment - before) / 60 * 60;
    for (const Sample& sample : samples()) {
      INFO(sample.expression << " around " << moment);
      const std::vector<Time> due = test::due_times(clock, sample.fits, sample.walk, start, moment + after);
      // The walk knows nothing of what was due before it began.
      check_every_minute(sample, zone, due, Time(std::chrono::seconds(start)), Time(std::chrono::seconds(moment + after)));
    }
  }
  return changes;
}
}  // namespace

TEST_CASE("next and previous run agree with a walk through every minute around every change of the clock, 2020 to 2030",
          "[next_run][long]") {
  struct Row {
    const char* zone;
    std::size_t changes;  // at least; half the zones of the world have none
  };
  const auto row =
      GENERATE(Row{"UTC", 0}, Row{"Europe/Berlin", 22}, Row{"America/New_York", 22}, Row{"Australia/Lord_Howe", 22},
               Row{"Asia/Kathmandu", 0}, Row{"America/St_Johns", 22}, Row{"Africa/Casablanca", 22}, Row{"Pacific/Apia", 3},
               Row{"America/Havana", 22}, Row{"Asia/Beirut", 22}, Row{"Europe/Dublin", 22}, Row{"Antarctica/Troll", 22});
  CHECK(check_zone(row.zone) >= row.changes);
}

// A few minutes: unit_schedule "[every_zone]"
TEST_CASE("the same in every zone of the world", "[.][every_zone]") {
  std::ifstream table("/usr/share/zoneinfo/zone1970.tab");
  std::size_t zones = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 3; ++i) {
      std::getline(fields, field, '\t');
    }
    check_zone(field);
    ++zones;
  }
  CHECK(zones > 300);
}

}  // namespace transitions_test
