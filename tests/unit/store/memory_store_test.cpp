#include "store/memory_store.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "unit/store/conformance.h"

namespace memory_store_test {

using namespace pgrecall;
using namespace pgrecall::test;

TEST_CASE("a memory store can be full") {
  MemoryStore store;
  CHECK_FALSE(store.space());
  store.limit_to(10);
  REQUIRE(put_text(store, "a", "123456") == PutResult::created);
  CHECK(store.space()->total == 10);
  CHECK(store.space()->available == 4);
  try {
    (void)put_text(store, "b", "12345");
    FAIL("no Error was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::store_unreachable);
    CHECK(error.passing());
  }
  CHECK(store.open("b") == nullptr);
  CHECK(put_text(store, "b", "1234") == PutResult::created);
  REQUIRE(store.remove("a"));
  CHECK(store.space()->available == 6);
  REQUIRE(store.remove_version("b", version_of(store, "b")) == ReplaceResult::replaced);
  CHECK(store.space()->available == 10);
}

TEST_CASE("a memory store dates objects by its clock") {
  ManualClock clock(Time(std::chrono::seconds(1'000)));
  MemoryStore store(clock);
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  clock.advance(std::chrono::seconds(5));
  REQUIRE(put_text(store, "b", "x") == PutResult::created);
  std::vector<Time> times;
  store.list("", [&](const ObjectInfo& info) { times.push_back(info.modified); });
  CHECK(times == std::vector<Time>{Time(std::chrono::seconds(1'000)), Time(std::chrono::seconds(1'005))});
}

TEST_CASE("an equal object in memory is there already") {
  MemoryStore store;
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  CHECK(put_text(store, "a", "x") == PutResult::already_exists);
}

}  // namespace memory_store_test
