#include "schedule/time_zone.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "unit/schedule/moments.h"

namespace time_zone_test {

using namespace pgrecall;
using test::at;

namespace {
std::string hint_for(const std::string& name) {
  const auto found = TimeZone::find(name);
  REQUIRE(std::holds_alternative<TimeZone::Unknown>(found));
  return std::get<TimeZone::Unknown>(found).hint;
}
std::chrono::local_seconds reading(int month, unsigned day, int hour, int minute, int year = 2026) {
  return std::chrono::local_days(std::chrono::year(year) / month / static_cast<int>(day)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute);
}
}  // namespace

TEST_CASE("moments are told by the clock of their zone", "[time_zone]") {
  struct Row {
    const char* zone;
    const char* moment;
    const char* text;
    const char* rfc3339;
  };
  for (const Row& row : {Row{"UTC", "2026-11-23T02:30:00Z", "2026-11-23 02:30 UTC", "2026-11-23T02:30:00+00:00"},
                         Row{"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59 CET", "2026-03-29T01:59:59+01:00"},
                         Row{"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00 CEST", "2026-03-29T03:00:00+02:00"},
                         Row{"America/St_Johns", "2026-01-01T03:29:00Z", "2025-12-31 23:59 NST", "2025-12-31T23:59:00-03:30"},
                         Row{"Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-02 00:00 +0545", "2026-01-02T00:00:00+05:45"}}) {
    INFO(row.zone << " " << row.moment);
    const TimeZone zone = TimeZone::named(row.zone);
    CHECK(zone.format(at(row.moment)) == row.text);
    CHECK(zone.format_rfc3339(at(row.moment)) == row.rfc3339);
  }
}

TEST_CASE("a moment counts for the day, week and month of its zone", "[time_zone]") {
  const TimeZone berlin = TimeZone::named("Europe/Berlin");
  // Half an hour before midnight in London it is the new year in Berlin; the week is still the old year's.
  const LocalDate new_year = berlin.date(at("2026-12-31T23:30:00Z"));
  CHECK(new_year.day() == "2027-01-01");
  CHECK(new_year.month() == "2027-01");
  CHECK(new_year.week() == "2026-W53");
  CHECK(TimeZone().date(at("2026-12-31T23:30:00Z")).day() == "2026-12-31");
}

TEST_CASE("weeks are those of ISO 8601", "[time_zone]") {
  struct Row {
    const char* day;
    const char* week;
  };
  // What `date +%G-W%V` says.
  for (const Row& row : {Row{"2026-11-23", "2026-W48"}, Row{"2026-11-22", "2026-W47"}, Row{"2024-12-29", "2024-W52"},
                         Row{"2024-12-30", "2025-W01"}, Row{"2021-01-03", "2020-W53"}, Row{"2021-01-04", "2021-W01"},
                         Row{"2023-01-01", "2022-W52"}, Row{"2020-12-31", "2020-W53"}, Row{"2028-01-01", "2027-W52"}}) {
    CHECK(TimeZone().date(at(std::string(row.day) + "T12:00:00Z")).week() == row.week);
  }
}

TEST_CASE("local times may be skipped or repeated", "[time_zone]") {
  const TimeZone berlin = TimeZone::named("Europe/Berlin");
  const LocalMeaning skipped = berlin.meaning(reading(3, 29, 2, 30));
  CHECK(skipped.kind == LocalMeaning::Kind::skipped);
  CHECK(skipped.first == at("2026-03-29T01:00:00Z"));
  const LocalMeaning repeated = berlin.meaning(reading(10, 25, 2, 30));
  CHECK(repeated.kind == LocalMeaning::Kind::repeated);
  CHECK(repeated.first == at("2026-10-25T00:30:00Z"));
  CHECK(repeated.second == at("2026-10-25T01:30:00Z"));
  const LocalMeaning unique = berlin.meaning(reading(10, 25, 3, 0));
  CHECK(unique.kind == LocalMeaning::Kind::unique);
  CHECK(unique.first == at("2026-10-25T02:00:00Z"));
  // Apia left a whole day out when it moved across the date line.
  const LocalMeaning no_day = TimeZone::named("Pacific/Apia").meaning(reading(12, 30, 12, 0, 2011));
  CHECK(no_day.kind == LocalMeaning::Kind::skipped);
  CHECK(no_day.first == at("2011-12-30T10:00:00Z"));
}

TEST_CASE("a zone that is not known gets what was perhaps meant", "[time_zone]") {
  CHECK(hint_for("Europe/Berlinn") == "did you mean \"Europe/Berlin\"?");
  CHECK(hint_for("berlin") == "did you mean \"Europe/Berlin\"?");
  CHECK(hint_for("new york") == "did you mean \"America/New_York\"?");
  CHECK(hint_for("utc") == "did you mean \"UTC\"?");
  CHECK_THAT(hint_for("XYZ"), Catch::Contains("write a name of the time zone database"));
  CHECK_THAT(hint_for("../../../etc/passwd"), Catch::Contains("write a name of the time zone database"));
  try {
    const TimeZone none = TimeZone::named("Mars/Olympus");
    FAIL("there is a zone " << none.name());
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(error.message() == "\"Mars/Olympus\" is not a time zone that this system knows");
  }
}

}  // namespace time_zone_test
