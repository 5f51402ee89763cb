#include "io/rate_limiter.h"

#include <catch2/catch.hpp>
#include <limits>
#include <thread>
#include <vector>

#include "base/error.h"

namespace rate_limiter_test {

using namespace pgrecall;
using namespace std::chrono_literals;

TEST_CASE("a limiter lets a quarter of a second pass at once and spreads the rest") {
  ManualClock clock(Time{});
  RateLimiter limiter(1000, clock);
  CHECK(limiter.book(250) == 0us);
  CHECK(limiter.book(500) == 500ms);
  CHECK(limiter.book(100) == 600ms);
  clock.advance(600ms);
  CHECK(limiter.book(1) == 1ms);
}

TEST_CASE("unused time is saved up for one burst only") {
  ManualClock clock(Time{});
  RateLimiter limiter(1000, clock);
  clock.advance(1h);
  CHECK(limiter.book(250) == 0us);
  CHECK(limiter.book(1) == 1ms);
}

TEST_CASE("over a long time the rate is kept") {
  ManualClock clock(Time{});
  RateLimiter limiter(3'000'000, clock);  // a byte is no whole number of nanoseconds
  for (int i = 0; i < 10'000; ++i) {
    clock.advance(limiter.book(1024));
  }
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(clock.steady_now().time_since_epoch());
  const auto expected = std::chrono::microseconds(10'240'000LL * 1'000'000 / 3'000'000) - 250ms;
  CHECK(std::chrono::abs(spent - expected) < 20ms);
}

TEST_CASE("no rate is no limit") {
  ManualClock clock(Time{});
  RateLimiter limiter(0, clock);
  CHECK(limiter.book(std::numeric_limits<std::uint64_t>::max()) == 0us);
}

TEST_CASE("bytes booked by many threads are all counted") {
  ManualClock clock(Time{});
  RateLimiter limiter(1000, clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        (void)limiter.book(1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(limiter.book(0) == 0us);
  CHECK(limiter.book(1) == 8001ms - 250ms);
}

TEST_CASE("a stop ends waiting") {
  std::stop_source source;
  ManualClock clock(Time{});
  RateLimiter limiter(1, clock);
  std::jthread stopper([&] { source.request_stop(); });
  try {
    limiter.pass(1'000'000, source.get_token());  // eleven days
    FAIL("no Error was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::cancelled);
  }
  CHECK_THROWS_AS(throw_if_stopped(source.get_token()), Error);
  CHECK_THROWS_AS(wait_unless_stopped(0us, source.get_token()), Error);
  throw_if_stopped(std::stop_source().get_token());
}

}  // namespace rate_limiter_test
