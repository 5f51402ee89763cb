#include <algorithm>
#include <map>
#include <set>

#include "store/fault_store.h"
#include "unit/engine/fake_life.h"

// An expire that does everything (removes backups, sweeps packs, manifests and WAL, rewrites packs, finishes what an earlier one
// rewrote) is broken off at each change that it makes, as by kill -9 or a store that fails from then on. What is there then is
// right, and the next expire finishes the work.

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::hours;

namespace {

#ifdef PGRECALL_FEW_POSITIONS
constexpr std::size_t stride = 17;
#else
constexpr std::size_t stride = 1;
#endif

// Objects of a store with the times at which they were put.
class StoredState {
 public:
  explicit StoredState(ObjectStore& store) {
    store.list("", [&](const ObjectInfo& object) {
      objects_.emplace(object.name, std::pair(object.modified, read_object(store, object.name, UINT64_MAX).value()));
    });
  }
  [[nodiscard]] std::unique_ptr<MemoryStore> copy() const {
    // Of this clock only the time of each put counts.
    auto store = std::make_unique<MemoryStore>(clock_);
    for (const auto& [name, object] : objects_) {
      clock_.jump_to(object.first);
      REQUIRE(store->put(name, MemoryBody(object.second)) == PutResult::created);
    }
    return store;
  }
  void set_time(Time time) const { clock_.jump_to(time); }

 private:
  std::map<std::string, std::pair<Time, Bytes>> objects_;
  mutable ManualClock clock_{Time{}};
};

std::set<BackupId> listed(const Repository& repository) {
  std::set<BackupId> ids;
  for (const ListedBackup& backup : read_catalog(repository, cluster).backups) {
    ids.insert(backup.summary.id);
  }
  return ids;
}

struct Outcome {
  std::set<BackupId> left = {};             // listed afterwards
  std::vector<std::uint64_t> changes = {};  // numbers of the operations that changed something
  std::set<NameKind> kinds = {};            // of what was changed
  std::uint64_t rewrites = 0;
  std::uint64_t finishes = 0;  // of what earlier runs rewrote
  bool threw = false;
};

class BrokenOff {
 public:
  explicit BrokenOff(FakeLife& life) : life_(life), state_(life.scratch.store()) {}

  Outcome run(const FaultPlan& plan) {
    const Time now = life_.clock.now();
    const auto store = state_.copy();
    state_.set_time(now);
    Outcome outcome;
    {
      FaultStore faulty(*store);
      const Repository repository = life_.scratch.opened_through(faulty);
      faulty.set_plan(plan);
      outcome.threw = !expires(repository, outcome);
      for (const FaultRecord& record : faulty.log()) {
        const StoreOperationKind kind = record.operation.kind;
        if (kind == StoreOperationKind::put || kind == StoreOperationKind::remove || kind == StoreOperationKind::replace ||
            kind == StoreOperationKind::remove_version) {
          outcome.changes.push_back(record.operation.number);
          outcome.kinds.insert(parse_object_name(record.operation.object).kind);
        }
      }
    }
    const Repository repository = life_.scratch.opened_through(*store);
    check_whole(repository);
    outcome.left = listed(repository);
    // The next day, undisturbed.
    life_.clock.advance(hours(49));
    state_.set_time(life_.clock.now());
    CHECK(life_.run_expire(repository).sweep.problems.empty());
    check_whole(repository);
    finish(repository);
    life_.clock.jump_to(now);
    return outcome;
  }

 private:
  bool expires(const Repository& repository, Outcome& outcome) {
    try {
      const RewriteResult rewritten = life_.run_expire(repository).sweep.rewritten;
      outcome.rewrites = rewritten.packs;
      outcome.finishes = rewritten.removed_packs;
      return true;
    } catch (const Error& error) {
      INFO(error.what());
      CHECK((error.kind() == ErrorKind::failed || error.kind() == ErrorKind::held));
      return false;
    }
  }

  void check_whole(const Repository& repository) const {
    const VerifyReport report = life_.run_verify(repository);
    INFO(text_of(report));
    REQUIRE_FALSE(report.damaged());
  }

  // Nothing is left that nobody needs.
  void finish(const Repository& repository) {
    life_.settings.grace = std::chrono::seconds(0);
    static_cast<void>(life_.run_expire(repository));
    static_cast<void>(life_.run_expire(repository));
    life_.settings.grace = hours(24);
    const VerifyReport report = life_.run_verify(repository);
    INFO(text_of(report));
    REQUIRE(report.findings.empty());
  }

  FakeLife& life_;
  const StoredState state_;
};

// What an interrupted backup leaves: a pack and a manifest, no summary.
void interrupt_backup(FakeLife& life) {
  FakeBackups other(*life.scratch);
  other.lose_wal(100'000);
  FakeCluster source = life.source;
  source.file("base/5/16390").content = fake_relation({77, 78});
  const BackupId id = BackupId::make(life.clock.now() - hours(80), BackupKind::full);
  const BackupSummary summary = other.add(source, id.text);
  life.scratch.store().remove(summary_name(cluster, id));
  // Its WAL would be far behind all other: a gap.
  for (auto segment = WalSegment::containing(summary.timeline, summary.start_lsn, summary.wal_segment_size);
       segment.start() < summary.stop_lsn; segment = segment.next()) {
    life.scratch.store().remove(wal_segment_name(system_of(source), segment));
  }
}

}  // namespace

TEST_CASE("An expire that is broken off at any change leaves each backup whole or gone") {
  using Case = std::pair<Repository::Sealing, FaultEffect>;
  const auto [sealing, effect] = GENERATE(Case{Repository::Sealing::none, FaultEffect::error_before},
                                          Case{Repository::Sealing::none, FaultEffect::error_after},
                                          Case{Repository::Sealing::sealed, FaultEffect::error_after});
  FakeLife life(sealing, hours(24));
  std::set<NameKind> kinds;
  std::uint64_t rewrites = 0;
  std::uint64_t finishes = 0;
  for (int day = 0; day < 32; ++day) {
    life.live_until_expire();
    if (day == 24) {
      interrupt_backup(life);
    }
    if (day >= 26) {
      BrokenOff broken(life);
      const Outcome undisturbed = broken.run({});
      REQUIRE_FALSE(undisturbed.threw);
      kinds.insert(undisturbed.kinds.begin(), undisturbed.kinds.end());
      rewrites += undisturbed.rewrites;
      finishes += undisturbed.finishes;
      for (std::size_t i = 0; i < undisturbed.changes.size(); i += stride) {
        INFO("day " << day << ", change " << i << " of " << undisturbed.changes.size());
        const Outcome outcome = broken.run(fault_from(undisturbed.changes[i], {effect, FaultNature::permanent}));
        CHECK(std::ranges::includes(outcome.left, undisturbed.left));
      }
    }
    static_cast<void>(life.run_expire());
    life.next_day();
  }
  // It was all there to be broken off.
  CHECK(kinds == std::set<NameKind>{NameKind::lease, NameKind::summary, NameKind::manifest, NameKind::mark, NameKind::pack,
                                    NameKind::relocation, NameKind::wal_segment, NameKind::wal_time});
  CHECK(rewrites > 0);
  CHECK(finishes > 0);
}
