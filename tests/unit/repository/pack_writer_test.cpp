#include <atomic>
#include <latch>
#include <thread>

#include "repository/pack_reader.h"
#include "scratch_repository.h"
#include "store/fault_store.h"

namespace pack_writer_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Sealing = Repository::Sealing;

namespace {

std::size_t stored_packs(ObjectStore& store) {
  std::size_t packs = 0;
  store.list(packs_prefix(cluster), [&](const ObjectInfo&) { ++packs; });
  return packs;
}

// Every put waits until it is let go.
class GatedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  PutResult put(const std::string& name, const ObjectBody& body) override {
    entered.count_down();
    gate.wait();
    return ForwardingStore::put(name, body);
  }
  std::latch entered{1};
  std::latch gate{1};
};

}  // namespace

TEST_CASE("eight threads add chunks at once, and each chunk is where its reference says") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  PackWriter writer(*repository, cluster, {100'000, 2});
  constexpr std::size_t thread_count = 8;
  constexpr std::size_t each = 150;
  std::vector<std::vector<std::pair<ChunkRef, Bytes>>> added(thread_count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < thread_count; ++t) {
      threads.emplace_back([&, t] {
        Random random(100 + t);
        Compressor compressor{Compression{}};
        for (std::size_t i = 0; i < each; ++i) {
          Bytes raw = half_random(random, 1 + below(random, i % 50 == 0 ? 300'000 : 20'000));
          const ChunkRef ref = writer.add(compressor.compress(raw), static_cast<std::uint32_t>(raw.size()), sha256(raw));
          added[t].emplace_back(ref, std::move(raw));
        }
      });
    }
  }
  const PackWriter::Totals totals = writer.finish();
  CHECK(totals.chunks == thread_count * each);
  CHECK(totals.packs == stored_packs(repository.store()));
  CHECK(totals.stored_bytes == writer.stored_bytes());
  ChunkReader reader(*repository, cluster);
  for (const auto& chunks : added) {
    for (const auto& [ref, raw] : chunks) {
      Bytes back(ref.raw_size);
      reader.read(ref, back);
      REQUIRE(back == raw);
    }
  }
  repository.store().list(packs_prefix(cluster), [&](const ObjectInfo& object) {
    CHECK(check_pack(*repository, cluster, parse_object_name(object.name).pack.value()));
  });
}

TEST_CASE("without chunks no pack is stored") {
  const ScratchRepository repository(Sealing::none);
  PackWriter writer(*repository, cluster, {});
  const PackWriter::Totals totals = writer.finish();
  CHECK(totals.packs == 0);
  CHECK(stored_packs(repository.store()) == 0);
  Random random(1);
  CHECK_THROWS_AS(add_chunk(writer, half_random(random, 10)), Error);
}

TEST_CASE("a failure of any store operation reaches whoever adds or finishes, and nobody hangs") {
  const FaultEffect effect = GENERATE(FaultEffect::error_before, FaultEffect::error_midway, FaultEffect::error_after,
                                      FaultEffect::disk_full, FaultEffect::short_read, FaultEffect::flipped_byte);
  const ScratchRepository repository(Sealing::none);
  FaultStore faults(InnerStore(repository.store()));
  const Repository broken = repository.opened_through(faults);
  const auto run = [&] {
    PackWriter writer(broken, cluster, {20'000, 2});
    std::vector<std::jthread> threads;
    std::atomic<int> refused = 0;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        Random random(t);
        try {
          for (int i = 0; i < 20; ++i) {
            (void)add_chunk(writer, half_random(random, 9000));
          }
        } catch (const Error&) {
          ++refused;
        }
      });
    }
    threads.clear();
    try {
      (void)writer.finish();
    } catch (const Error&) {
      return true;
    }
    CHECK(refused == 0);
    return false;
  };
  const std::uint64_t before = faults.operations();
  REQUIRE_FALSE(run());
  const std::uint64_t operations = faults.operations() - before;
  REQUIRE(operations > 20);
  for (std::uint64_t number = 1; number <= operations; ++number) {
    const std::uint64_t injected = faults.injected();
    faults.set_plan(fault_at(faults.operations() + number, {effect, FaultNature::passing}));
    INFO("operation " << number);
    // Whatever was made to fail is told; the other way round, what does not fit the operation did not fail.
    const bool failed = run();
    REQUIRE(failed == (faults.injected() > injected));
  }
}

TEST_CASE("a store that keeps other bytes than it was given is noticed before the pack counts") {
  const ScratchRepository repository(Sealing::none);
  FaultStore faults(InnerStore(repository.store()), [](const StoreOperation& operation) -> std::optional<Fault> {
    if (operation.kind == StoreOperationKind::read && operation.object.find("/packs/") != std::string::npos) {
      return Fault{FaultEffect::flipped_byte, FaultNature::permanent};
    }
    return std::nullopt;
  });
  const Repository broken = repository.opened_through(faults);
  PackWriter writer(broken, cluster, {});
  Random random(3);
  const ChunkRef ref = add_chunk(writer, half_random(random, 3'000'000));
  const Error error = error_of([&] { (void)writer.finish(); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == pack_name(cluster, ref.pack));
}

TEST_CASE("cancel wakes whoever waits for a free pack") {
  const ScratchRepository repository(Sealing::none);
  GatedStore gated{InnerStore(repository.store())};
  const Repository slow = repository.opened_through(gated);
  PackWriter writer(slow, cluster, {20'000, 1});
  std::atomic<int> cancelled = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        Random random(t);
        try {
          for (;;) {
            (void)add_chunk(writer, half_random(random, 9000));
          }
        } catch (const Error& error) {
          cancelled += error.kind() == ErrorKind::cancelled ? 1 : 0;
        }
      });
    }
    gated.entered.wait();
    writer.cancel();
    threads.clear();
  }
  CHECK(cancelled == 3);
  gated.gate.count_down();
  CHECK(error_of([&] { (void)writer.finish(); }).kind() == ErrorKind::cancelled);
}

}  // namespace pack_writer_test
