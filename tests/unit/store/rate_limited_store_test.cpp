#include "store/rate_limited_store.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/error.h"
#include "store/memory_store.h"
#include "unit/store/conformance.h"

namespace rate_limited_store_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {
// With a clock that stands still, what a limiter has let pass can be read from what it asks for next: a byte a second.
struct Meter {
  ManualClock clock{Time{}};
  RateLimiter limiter{1'000'000'000, clock};
  std::uint64_t bytes_passed() { return static_cast<std::uint64_t>((limiter.book(1'000'000'000) - 750ms) / 1us) * 1000; }
};
}  // namespace

TEST_CASE("bytes put and replaced are counted as written, bytes read as read") {
  MemoryStore memory;
  Meter writing;
  Meter reading;
  RateLimitedStore store(memory, writing.limiter, reading.limiter, {});
  REQUIRE(put_text(store, "a", pattern(1'000'000, 1)) == PutResult::created);
  REQUIRE(store.replace("a", version_of(store, "a"), MemoryBody(bytes_of(pattern(500'000, 2)))) == ReplaceResult::replaced);
  Bytes out(800'000);
  CHECK(store.open("a")->read(100'000, out) == 400'000);
  CHECK(writing.bytes_passed() == 1'500'000);
  CHECK(reading.bytes_passed() == 400'000);
}

TEST_CASE("a limited reader gives the same bytes") {
  MemoryStore memory;
  const std::string text = pattern(1'000'000, 1);
  REQUIRE(put_text(memory, "a", text) == PutResult::created);
  Meter meter;
  RateLimitedStore store(memory, meter.limiter, meter.limiter, {});
  CHECK(get_text(store, "a") == text);
}

TEST_CASE("a stop ends a put that waits, and nothing is stored") {
  MemoryStore memory;
  const SystemClock clock;
  RateLimiter slow(1, clock);
  std::stop_source source;
  RateLimitedStore store(memory, slow, slow, source.get_token());
  std::jthread stopper([&] { source.request_stop(); });
  try {
    (void)put_text(store, "a", pattern(1'000'000, 1));
    FAIL("no Error was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::cancelled);
  }
  CHECK(memory.open("a") == nullptr);
}

}  // namespace rate_limited_store_test
