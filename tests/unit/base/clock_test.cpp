#include "base/clock.h"

#include <catch2/catch.hpp>

namespace clock_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
Time at_second(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }
}  // namespace

TEST_CASE("times are printed in UTC, whole seconds, rounded down", "[clock]") {
  CHECK(format_time(at_second(0)) == "1970-01-01T00:00:00Z");
  CHECK(format_time(at_second(1'795'401'000)) == "2026-11-23T02:30:00Z");
  CHECK(format_compact_time(at_second(1'795'401'000)) == "20261123T023000Z");
  CHECK(format_time(at_second(1'795'401'000) + 999'999us) == "2026-11-23T02:30:00Z");
  CHECK(format_time(at_second(0) - 1us) == "1969-12-31T23:59:59Z");
  CHECK(format_time(at_second(951'782'400)) == "2000-02-29T00:00:00Z");
}

TEST_CASE("both printed forms are read back", "[clock]") {
  CHECK(parse_time("2026-11-23T02:30:00Z") == at_second(1'795'401'000));
  CHECK(parse_time("20261123T023000Z") == at_second(1'795'401'000));
  CHECK(parse_time("2000-02-29T23:59:59Z") == at_second(951'868'799));
  CHECK(parse_time("1969-12-31T23:59:59Z") == at_second(-1));
}

TEST_CASE("other forms and impossible dates are refused", "[clock]") {
  for (const char* text : {"",
                           "2026-11-23",
                           "2026-11-23T02:30:00",
                           "2026-11-23 02:30:00Z",
                           "2026-11-23T02:30:00z",
                           "2026-11-23T02:30:00+00:00",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-11-31T00:00:00Z",
                           "2026-11-00T00:00:00Z",
                           "2026-11-23T24:00:00Z",
                           "2026-11-23T02:60:00Z",
                           "2026-11-23T02:30:60Z",
                           "20261123T023000",
                           "20261123X023000Z",
                           "2026x123T023000Z",
                           "20261123T0230000Z",
                           "2026-11-23T02:30-00Z",
                           "2026:11:23T02-30-00Z",
                           "-026-11-23T02:30:00Z"}) {
    INFO(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}

TEST_CASE("the manual clock moves only when told", "[clock]") {
  ManualClock clock(at_second(100));
  const auto steady = clock.steady_now();
  CHECK(clock.now() == at_second(100));
  clock.advance(5s);
  CHECK(clock.now() == at_second(105));
  CHECK(clock.steady_now() - steady == 5s);
  clock.jump_to(at_second(50));
  CHECK(clock.now() == at_second(50));
  CHECK(clock.steady_now() - steady == 5s);
}

TEST_CASE("the system clock agrees with the system", "[clock]") {
  const SystemClock clock;
  const auto before = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const Time now = clock.now();
  const auto after = std::chrono::system_clock::now();
  CHECK(now >= before);
  CHECK(now <= after);
  const auto first = clock.steady_now();
  CHECK(clock.steady_now() >= first);
}

}  // namespace clock_test
