#include "store/fault_store.h"

#include <bit>
#include <catch2/catch.hpp>
#include <thread>

#include "base/error.h"
#include "store/memory_store.h"
#include "unit/store/conformance.h"

namespace fault_store_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
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

constexpr FaultNature passing = FaultNature::passing;
constexpr FaultNature permanent = FaultNature::permanent;
}  // namespace

TEST_CASE("the log tells every operation in order") {
  MemoryStore memory;
  FaultStore store(memory, fault_at(3, {FaultEffect::error_before, permanent}));
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  const auto reader = store.open("a");
  CHECK_THROWS_AS(reader->version(), Error);
  Bytes out(1);
  (void)reader->read(0, out);
  store.list("a", [](const ObjectInfo&) {});
  (void)store.remove("a");
  std::string told;
  for (const FaultRecord& record : store.log()) {
    told += std::to_string(record.operation.number) + " " + std::string(name(record.operation.kind)) + " " +
            record.operation.object + (record.injected ? " failed\n" : "\n");
  }
  CHECK(told == "1 put a\n2 open a\n3 version a failed\n4 read a\n5 list a\n6 remove a\n");
  CHECK(store.operations() == 6);
  CHECK(store.injected() == 1);
}

TEST_CASE("an error before the effect leaves it undone, one after it leaves it done") {
  MemoryStore memory;
  FaultStore store(memory, fault_at(1, {FaultEffect::error_before, permanent}));
  CHECK_THROWS_AS(put_text(store, "a", "x"), Error);
  CHECK(memory.open("a") == nullptr);
  store.set_plan(fault_at(2, {FaultEffect::error_after, permanent}));
  CHECK_THROWS_AS(put_text(store, "a", "x"), Error);
  CHECK(memory.open("a") != nullptr);
  store.set_plan(fault_at(3, {FaultEffect::error_before, permanent}));
  CHECK_THROWS_AS(store.remove("a"), Error);
  CHECK(memory.open("a") != nullptr);
  store.set_plan(fault_at(4, {FaultEffect::error_after, permanent}));
  CHECK_THROWS_AS(store.remove("a"), Error);
  CHECK(memory.open("a") == nullptr);
}

TEST_CASE("an error midway takes half of the body and stores nothing") {
  class CountingBody final : public ObjectBody {
   public:
    [[nodiscard]] std::uint64_t size() const override { return 100; }
    void for_each_piece(const std::function<void(ByteView)>& visit) const override {
      for (int i = 0; i < 10; ++i) {
        visit(bytes_of("0123456789"));
        ++pieces;
      }
    }
    mutable int pieces = 0;
  };
  MemoryStore memory;
  FaultStore store(memory, fault_from(1, {FaultEffect::error_midway, passing}));
  const CountingBody body;
  CHECK(error_of([&] { return store.put("a", body); }).passing());
  CHECK(body.pieces == 4);
  CHECK(memory.open("a") == nullptr);
  CHECK_THROWS_AS(put_text(store, "a", ""), Error);
  CHECK(memory.open("a") == nullptr);
}

TEST_CASE("the nature of a fault decides the error") {
  MemoryStore memory;
  FaultStore store(memory, fault_from(1, {FaultEffect::error_before, passing}));
  const Error may_pass = error_of([&] { return store.open("a"); });
  CHECK(may_pass.kind() == ErrorKind::store_unreachable);
  CHECK(may_pass.passing());
  CHECK(may_pass.context("operation") == "1");
  store.set_plan(fault_from(1, {FaultEffect::error_before, permanent}));
  const Error will_not = error_of([&] { return store.open("a"); });
  CHECK(will_not.kind() == ErrorKind::failed);
  CHECK_FALSE(will_not.passing());
}

TEST_CASE("a full disk fails what stores and nothing else") {
  MemoryStore memory;
  REQUIRE(put_text(memory, "a", "x") == PutResult::created);
  FaultStore store(memory, fault_from(1, {FaultEffect::disk_full, permanent}));
  const Error error = error_of([&] { return put_text(store, "b", "x"); });
  CHECK(error.kind() == ErrorKind::store_unreachable);
  CHECK(error.passing());
  CHECK(memory.open("b") == nullptr);
  const std::string version = version_of(store, "a");
  CHECK_THROWS_AS(store.replace("a", version, MemoryBody(bytes_of("y"))), Error);
  CHECK(get_text(store, "a") == "x");
  CHECK(store.remove("a"));
  CHECK(store.injected() == 2);
}

TEST_CASE("reads are cut short or flipped in one bit") {
  MemoryStore memory;
  REQUIRE(put_text(memory, "a", "0123456789") == PutResult::created);
  FaultStore store(memory, fault_from(1, {FaultEffect::short_read, permanent}));
  const auto reader = store.open("a");
  REQUIRE(reader);
  Bytes out(10);
  CHECK(reader->read(0, out) == 5);
  store.set_plan(fault_from(1, {FaultEffect::flipped_byte, permanent}));
  CHECK(reader->read(0, out) == 10);
  std::size_t different_bits = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    different_bits +=
        static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(out[i]) ^ static_cast<unsigned>("0123456789"[i])));
  }
  CHECK(different_bits == 1);
}

TEST_CASE("numbers are given once, whichever thread asks") {
  MemoryStore memory;
  FaultStore store(memory, fault_from(401, {FaultEffect::error_before, permanent}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        try {
          (void)store.open("a");
        } catch (const Error&) {
          continue;  // counted below
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(store.operations() == 800);
  CHECK(store.injected() == 400);
}

}  // namespace fault_store_test
