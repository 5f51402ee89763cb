#include "store/retrying_store.h"

#include <catch2/catch.hpp>

#include "io/rate_limiter.h"
#include "store/fault_store.h"
#include "store/memory_store.h"
#include "unit/store/conformance.h"

namespace retrying_store_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {
// What the store beneath does wrong, and what the retrying store waited.
struct Stack {
  MemoryStore memory;
  FaultStore faults{memory};
  std::vector<std::chrono::microseconds> waits;
  RetryingStore store{faults, Retry(
                                  {.tries = 4, .first_delay = 100ms, .longest_delay = 300ms}, {},
                                  [this](auto duration, const auto&) { waits.push_back(duration); }, [] { return 0.5; })};
};

constexpr Fault lost_request{FaultEffect::error_before, FaultNature::passing};
constexpr Fault lost_answer{FaultEffect::error_after, FaultNature::passing};
constexpr Fault refused{FaultEffect::error_before, FaultNature::permanent};

template <typename Call>
Error error_of(const Call& call) {
  try {
    (void)call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no Error was thrown");
  throw std::logic_error("not reached");
}
}  // namespace

TEST_CASE("what may pass is tried again after growing, bounded, jittered waits") {
  Stack stack;
  stack.faults.set_plan(fault_from(1, lost_request));
  const Error error = error_of([&] { return put_text(stack.store, "a", "x"); });
  CHECK(error.kind() == ErrorKind::store_unreachable);
  CHECK(error.context("tries") == "4");
  CHECK(stack.faults.operations() == 4);
  CHECK(stack.waits == std::vector<std::chrono::microseconds>{50ms, 100ms, 150ms});
}

TEST_CASE("the wait is a random part of the whole delay") {
  MemoryStore memory;
  FaultStore faults(memory, fault_from(1, lost_request));
  std::vector<std::chrono::microseconds> waits;
  double next = 0.0;
  RetryingStore store(
      faults, Retry(
                  {.tries = 3, .first_delay = 100ms, .longest_delay = 1s}, {},
                  [&](auto duration, const auto&) { waits.push_back(duration); }, [&] { return std::exchange(next, 0.99); }));
  CHECK_THROWS_AS(store.open("a"), Error);
  CHECK(waits == std::vector<std::chrono::microseconds>{0us, 198ms});
}

TEST_CASE("what will not pass is not tried again") {
  Stack stack;
  stack.faults.set_plan(fault_at(1, refused));
  const Error error = error_of([&] { return put_text(stack.store, "a", "x"); });
  CHECK(error.kind() == ErrorKind::failed);
  CHECK(error.context("tries").empty());
  CHECK(stack.faults.operations() == 1);
}

TEST_CASE("every operation is tried again") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "content") == PutResult::created);
  const auto failing_once = [&](const auto& call) {
    stack.faults.set_plan(fault_at(stack.faults.operations() + 1, lost_request));
    const std::uint64_t before = stack.faults.injected();
    call();
    CHECK(stack.faults.injected() == before + 1);
  };
  std::unique_ptr<ObjectReader> reader;
  failing_once([&] { reader = stack.store.open("a"); });
  REQUIRE(reader);
  Bytes out(7);
  failing_once([&] { CHECK(reader->read(0, out) == 7); });
  CHECK(text_of(out) == "content");
  std::string version;
  failing_once([&] { version = reader->version(); });
  failing_once([&] { CHECK(stack.store.replace("a", version, MemoryBody(bytes_of("new"))) == ReplaceResult::replaced); });
  version = version_of(stack.memory, "a");
  std::size_t listed = 0;
  failing_once([&] { stack.store.list("", [&](const ObjectInfo&) { ++listed; }); });
  CHECK(listed == 1);
  failing_once([&] { CHECK(stack.store.remove_leftovers(0s) == 0); });
  failing_once([&] { CHECK_FALSE(stack.store.space()); });
  failing_once([&] { CHECK(stack.store.remove_version("a", version) == ReplaceResult::replaced); });
  failing_once([&] { CHECK(put_text(stack.store, "a", "x") == PutResult::created); });
  failing_once([&] { CHECK(stack.store.remove("a")); });
}

TEST_CASE("a put whose answer was lost is ours when the bytes are") {
  Stack stack;
  stack.faults.set_plan(fault_at(1, lost_answer));
  CHECK(put_text(stack.store, "a", "content") == PutResult::created);
  CHECK(get_text(stack.memory, "a") == "content");
}

TEST_CASE("a put that failed and finds other bytes is not ours") {
  Stack stack;
  for (const char* other : {"Content", "content and more", "conten", ""}) {
    REQUIRE(put_text(stack.memory, "a", other) == PutResult::created);
    stack.faults.set_plan(fault_at(stack.faults.operations() + 1, lost_request));
    CHECK(put_text(stack.store, "a", "content") == PutResult::already_exists);
    CHECK(get_text(stack.memory, "a") == other);
    REQUIRE(stack.memory.remove("a"));
  }
}

TEST_CASE("a difference far into a large object is found") {
  Stack stack;
  const std::string ours = pattern(1'000'000, 1);
  std::string theirs = ours;
  theirs.back() = static_cast<char>(theirs.back() ^ 1);
  REQUIRE(put_text(stack.memory, "a", theirs) == PutResult::created);
  stack.faults.set_plan(fault_at(1, lost_request));
  CHECK(put_text(stack.store, "a", ours) == PutResult::already_exists);
  REQUIRE(put_text(stack.memory, "b", ours) == PutResult::created);
  stack.faults.set_plan(fault_at(stack.faults.operations() + 1, lost_request));
  CHECK(put_text(stack.store, "b", ours) == PutResult::created);
}

TEST_CASE("a put that never failed does not claim another's equal object") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "content") == PutResult::created);
  CHECK(put_text(stack.store, "a", "content") == PutResult::already_exists);
  CHECK(stack.faults.operations() == 1);
}

TEST_CASE("an object that vanishes while it is compared is put anew") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "other") == PutResult::created);
  stack.faults.set_plan([&](const StoreOperation& operation) -> std::optional<Fault> {
    if (operation.kind == StoreOperationKind::open) {
      (void)stack.memory.remove("a");
    }
    return operation.number == 1 ? std::optional(lost_request) : std::nullopt;
  });
  CHECK(put_text(stack.store, "a", "content") == PutResult::created);
  CHECK(get_text(stack.memory, "a") == "content");
}

TEST_CASE("a replace whose answer was lost is ours when the bytes are") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "old") == PutResult::created);
  const std::string version = version_of(stack.memory, "a");
  SECTION("ours") {
    stack.faults.set_plan(fault_at(1, lost_answer));
    CHECK(stack.store.replace("a", version, MemoryBody(bytes_of("new"))) == ReplaceResult::replaced);
    CHECK(get_text(stack.memory, "a") == "new");
  }
  SECTION("another's") {
    REQUIRE(stack.memory.replace("a", version, MemoryBody(bytes_of("theirs"))) == ReplaceResult::replaced);
    stack.faults.set_plan(fault_at(1, lost_request));
    CHECK(stack.store.replace("a", version, MemoryBody(bytes_of("new"))) == ReplaceResult::changed);
    CHECK(get_text(stack.memory, "a") == "theirs");
  }
}

TEST_CASE("a removal whose answer was lost counts as done") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "x") == PutResult::created);
  stack.faults.set_plan(fault_at(1, lost_answer));
  CHECK(stack.store.remove("a"));
  REQUIRE(put_text(stack.memory, "a", "x") == PutResult::created);
  stack.faults.set_plan(fault_at(stack.faults.operations() + 1, lost_answer));
  CHECK(stack.store.remove_version("a", version_of(stack.memory, "a")) == ReplaceResult::replaced);
  CHECK(stack.memory.open("a") == nullptr);
}

TEST_CASE("a listing that breaks off does not start again") {
  Stack stack;
  REQUIRE(put_text(stack.memory, "a", "x") == PutResult::created);
  REQUIRE(put_text(stack.memory, "b", "x") == PutResult::created);
  std::vector<std::string> visited;
  const auto visit = [&](const ObjectInfo& info) { visited.push_back(info.name); };
  stack.faults.set_plan(fault_at(1, {FaultEffect::error_midway, FaultNature::passing}));
  CHECK(error_of([&] {
          stack.store.list("", visit);
          return 0;
        }).passing());
  CHECK(visited == std::vector<std::string>{"a"});
  CHECK(stack.faults.operations() == 1);
}

TEST_CASE("a stop ends the waiting between tries") {
  MemoryStore memory;
  FaultStore faults(memory, fault_from(1, lost_request));
  std::stop_source source;
  source.request_stop();
  RetryingStore store(faults, Retry({.first_delay = 24h, .longest_delay = 24h}, source.get_token()));
  CHECK(error_of([&] { return store.open("a"); }).kind() == ErrorKind::cancelled);
  CHECK(faults.operations() == 1);
}

}  // namespace retrying_store_test
