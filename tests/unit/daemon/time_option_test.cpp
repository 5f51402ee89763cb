#include "commands/time_option.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "base/error.h"

namespace time_option_test {

using namespace pgrecall;

namespace {

// The zone of whoever types.
class Here {
 public:
  explicit Here(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~Here() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

Time utc(const std::string& text) { return parse_time(text).value(); }

}  // namespace

TEST_CASE("Times with a zone are that moment, wherever they are typed") {
  const Here here("America/New_York");
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z"},
      {"2026-11-23t02:30:00z", "2026-11-23T02:30:00Z"},
      {"2026-11-23 02:30:00 UTC", "2026-11-23T02:30:00Z"},
      {"2026-11-23T02:30:00+01:00", "2026-11-23T01:30:00Z"},
      {"2026-11-23 02:30:00 -0530", "2026-11-23T08:00:00Z"},
      {"2026-11-23 02:30:00+02", "2026-11-23T00:30:00Z"},
      {"2026-11-23 02:30 Europe/Berlin", "2026-11-23T01:30:00Z"},
      {"2026-07-23 02:30:00 Europe/Berlin", "2026-07-23T00:30:00Z"},
      {"2024-02-29T23:59:59-01:00", "2024-03-01T00:59:59Z"},
  }));
  INFO(text);
  const TypedTime typed = take_time("--at", text);
  CHECK(typed.time == utc(expected));
  CHECK_FALSE(typed.local);
}

TEST_CASE("Fractions count to the microsecond") {
  CHECK(take_time("--at", "2026-11-23T02:30:00.5Z").time == utc("2026-11-23T02:30:00Z") + std::chrono::milliseconds(500));
  CHECK(take_time("--at", "2026-11-23T02:30:00.000001999Z").time == utc("2026-11-23T02:30:00Z") + std::chrono::microseconds(1));
}

TEST_CASE("Times without a zone are local, and known as such") {
  const Here here("Europe/Berlin");
  CHECK(take_time("--at", "2026-11-23 02:30:00").time == utc("2026-11-23T01:30:00Z"));
  CHECK(take_time("--at", "2026-07-23 02:30:00").time == utc("2026-07-23T00:30:00Z"));
  CHECK(take_time("--at", "2026-07-23 02:30:00").local);
}

TEST_CASE("A local time in a zone that nobody knows is refused") {
  for (const char* zone : {"Mars", "Europe/Atlantis", ":Mars"}) {
    const Here here(zone);
    CHECK_THROWS_AS(take_time("--at", "2026-11-23 02:30:00"), Error);
    CHECK(take_time("--at", "2026-11-23 02:30:00Z").time == utc("2026-11-23T02:30:00Z"));
  }
  for (const char* zone : {"CET-1CEST,M3.5.0,M10.5.0/3", "<+01>-1", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"}) {
    const Here here(zone);
    INFO(zone);
    CHECK(take_time("--at", "2026-11-23 02:30:00").time == utc("2026-11-23T01:30:00Z"));
  }
  for (const char* zone : {"", "UTC", "UTC0"}) {
    const Here here(zone);
    CHECK(take_time("--at", "2026-11-23 02:30:00").time == utc("2026-11-23T02:30:00Z"));
  }
}

TEST_CASE("A zone that is named leaves the reader's own as it was") {
  const Here here("America/New_York");
  (void)take_time("--at", "2026-07-23 02:30:00 Asia/Tokyo");
  CHECK(take_time("--at", "2026-11-23 02:30:00").time == utc("2026-11-23T07:30:00Z"));
}

TEST_CASE("What cannot be one moment is refused") {
  const Here here("Europe/Berlin");
  const auto [text, hint] = GENERATE(table<std::string, std::string>({
      {"yesterday", "write it as"},
      {"2026-11-23", "write it as"},
      {"2026-02-30 10:00:00Z", "write it as"},
      {"2026-11-23 24:00:00Z", "write it as"},
      {"2026-11-23 02:30:00 CET", "write it as"},
      {"2026-11-23 02:30:00 Europe/Atlantis", "write it as"},
      {"2026-11-23 02:30:00 ../../etc/passwd", "write it as"},
      {"2026-03-29 02:30:00", "give an offset"},              // the clocks go from 02:00 to 03:00
      {"2026-10-25 02:30:00", "+0200 (the first) or +0100"},  // and from 03:00 to 02:00
      {"2026-10-25 02:30:00 Europe/Berlin", "+0200 (the first)"},
  }));
  INFO(text);
  try {
    (void)take_time("--at", text);
    FAIL("taken as a time");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK_THAT(error.hint(), Catch::Contains(hint));
  }
}

}  // namespace time_option_test
