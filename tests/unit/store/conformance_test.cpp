#include "unit/store/conformance.h"

#include <catch2/catch.hpp>
#include <memory>

#include "store/fault_store.h"
#include "store/memory_store.h"
#include "store/posix_store.h"
#include "store/rate_limited_store.h"
#include "store/retrying_store.h"
#include "unit/io/temporary_directory.h"

namespace conformance_test {

using namespace pgrecall;
using pgrecall::test::check_conformance;
using pgrecall::test::TemporaryDirectory;

namespace {
const SystemClock system_clock;

// A posix store in a directory of its own.
struct Directory {
  TemporaryDirectory directory;
  PosixStore store;

  explicit Directory(PendingFile::Naming naming = PendingFile::Naming::unnamed_if_possible)
      : store(directory / "root/of/store", system_clock, naming) {}
};

Retry retry_without_waiting() {
  return Retry(
      {.tries = 200}, {}, [](auto, const auto&) {}, [] { return 0.5; });
}

// Every third operation fails in a way that may pass; what stores fails after it has stored, every other time. Removals do not
// fail: a removal that is tried again cannot tell whether there was something to remove.
FaultPlan flaky() {
  return [](const StoreOperation& operation) -> std::optional<Fault> {
    const bool stores = operation.kind == StoreOperationKind::put || operation.kind == StoreOperationKind::replace;
    const bool removes = operation.kind == StoreOperationKind::remove || operation.kind == StoreOperationKind::remove_version;
    if (operation.number % 3 != 0 || removes) {
      return std::nullopt;
    }
    return Fault{stores && operation.number % 2 == 0 ? FaultEffect::error_after : FaultEffect::error_before,
                 FaultNature::passing};
  };
}

void check_decorated(ObjectStore& bottom) {
  RateLimiter fast(std::uint64_t{100} << 30U, system_clock);
  RateLimiter unlimited(0, system_clock);
  FaultStore flawless(bottom);
  RateLimitedStore limited(flawless, fast, unlimited, {});
  RetryingStore store(limited, retry_without_waiting());
  check_conformance(store);
}

void check_flaky(ObjectStore& bottom) {
  FaultStore faults(bottom, flaky());
  RetryingStore store(faults, retry_without_waiting());
  check_conformance(store);
}
}  // namespace

TEST_CASE("the memory store conforms") {
  MemoryStore store;
  check_conformance(store);
}

TEST_CASE("the posix store conforms") {
  Directory directory;
  check_conformance(directory.store);
}

TEST_CASE("the posix store conforms without unnamed files") {
  Directory directory(PendingFile::Naming::named);
  check_conformance(directory.store);
}

TEST_CASE("a retrying store conforms, over memory") {
  MemoryStore bottom;
  RetryingStore store(bottom, retry_without_waiting());
  check_conformance(store);
}

TEST_CASE("a rate limited store conforms, over memory") {
  MemoryStore bottom;
  RateLimiter fast(std::uint64_t{100} << 30U, system_clock);
  RateLimitedStore store(bottom, fast, fast, {});
  check_conformance(store);
}

TEST_CASE("a fault store without faults conforms, over memory") {
  MemoryStore bottom;
  FaultStore store(bottom);
  check_conformance(store);
}

TEST_CASE("all decorators together conform, over a directory") {
  Directory directory;
  check_decorated(directory.store);
}

TEST_CASE("all decorators together conform, over an owned store") {
  RateLimiter unlimited(0, system_clock);
  std::unique_ptr<ObjectStore> store = std::make_unique<MemoryStore>();
  store = std::make_unique<FaultStore>(std::move(store));
  store = std::make_unique<RateLimitedStore>(std::move(store), unlimited, unlimited, std::stop_token());
  store = std::make_unique<RetryingStore>(std::move(store), retry_without_waiting());
  check_conformance(*store);
}

TEST_CASE("retrying makes a flaky store conform, over memory") {
  MemoryStore bottom;
  check_flaky(bottom);
}

TEST_CASE("retrying makes a flaky store conform, over a directory") {
  Directory directory;
  check_flaky(directory.store);
}

}  // namespace conformance_test
