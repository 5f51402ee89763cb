#include "store/counting_store.h"

#include <catch2/catch.hpp>

#include "store/memory_store.h"
#include "store/retrying_store.h"

namespace counting_store_test {

using namespace pgrecall;

namespace {
const std::string text = "0123456789";

std::uint64_t requests(const StoreCounters& counters, const std::string& operation, const std::string& code) {
  const auto reading = counters.reading();
  const auto found = reading.requests.find({operation, code});
  return found == reading.requests.end() ? 0 : found->second;
}

std::uint64_t timed(const StoreCounters& counters, const std::string& operation) {
  std::uint64_t all = 0;
  const Histogram histogram = counters.reading().seconds.at(operation);
  for (const std::uint64_t count : histogram.counts) {
    all += count;
  }
  return all;
}
}  // namespace

TEST_CASE("each request is counted with its bytes, also what was there already") {
  MemoryStore memory;
  StoreCounters counters;
  CountingStore store(memory, counters);
  CHECK(store.put("a", MemoryBody(bytes_of(text))) == PutResult::created);
  CHECK(store.put("a", MemoryBody(bytes_of(text))) == PutResult::already_exists);
  Bytes read(4);
  CHECK(store.open("a")->read(8, read) == 2);
  CHECK(store.open("b") == nullptr);
  store.list("", [](const ObjectInfo&) {});
  CHECK(store.remove("a"));
  CHECK(requests(counters, "put", "ok") == 2);
  CHECK(requests(counters, "open", "ok") == 2);
  CHECK(requests(counters, "read", "ok") == 1);
  CHECK(requests(counters, "list", "ok") == 1);
  CHECK(requests(counters, "remove", "ok") == 1);
  CHECK(timed(counters, "put") == 2);
  CHECK(counters.reading().bytes_out == text.size());
  CHECK(counters.reading().bytes_in == 2);
}

TEST_CASE("a request that is not made counts as nothing, but its series is there") {
  const StoreCounters counters;
  const auto reading = counters.reading();
  CHECK(reading.requests.at({"put", "ok"}) == 0);
  CHECK(reading.requests.size() == 7);
  CHECK(reading.seconds.size() == 7);
}

TEST_CASE("what fails counts by the kind of its error, and each try") {
  class Failing final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;
    bool remove(const std::string& name) override {
      if (++tries < 3) {
        throw Error(Error(ErrorKind::store_unreachable, "down").mark_passing());
      }
      return ForwardingStore::remove(name);
    }
    int tries = 0;
  };
  MemoryStore memory;
  StoreCounters counters;
  Retry retry(
      RetryPolicy{}, {}, [](std::chrono::microseconds, const std::stop_token&) {}, [] { return 0.0; });
  retry.on_again([&] { counters.tried_again(); });
  Failing failing(memory);
  CountingStore counting(failing, counters);
  RetryingStore store(counting, std::move(retry));
  static_cast<void>(store.remove("a"));
  CHECK(requests(counters, "remove", "store_unreachable") == 2);
  CHECK(requests(counters, "remove", "ok") == 1);
  CHECK(timed(counters, "remove") == 3);
  CHECK(counters.reading().retries == 2);
}

}  // namespace counting_store_test
