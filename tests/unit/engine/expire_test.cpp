#include "engine/expire/expire.h"

#include <algorithm>

#include "engine/shared_chunks.h"
#include "repository/expired.h"
#include "repository/relocation.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"
#include "unit/engine/fake_life.h"

namespace expire_test {

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::hours;

namespace {

std::vector<std::string> listed(const FakeLife& life) {
  std::vector<std::string> ids;
  for (const ListedBackup& backup : read_catalog(*life.scratch, cluster).backups) {
    ids.push_back(backup.summary.id.text);
  }
  return ids;
}

bool is_listed(const FakeLife& life, const std::string& id) {
  const auto all = listed(life);
  return std::ranges::find(all, id) != all.end();
}

std::vector<std::string> names(const FakeLife& life, const std::string& prefix) {
  std::vector<std::string> all;
  life.scratch.store().list(prefix, [&](const ObjectInfo& object) { all.push_back(object.name); });
  return all;
}

void live_days(FakeLife& life, int count) {
  for (int day = 0; day < count; ++day) {
    life.live_until_expire();
    life.next_day();
  }
}

ExpireResult carry_out(FakeLife& life, const ExpirePlan& plan, Confirmation confirmation = Confirmation::given) {
  Progress progress;
  return expire(*life.scratch, plan, life.settings, confirmation, life.clock, progress, {});
}

// Every byte of a backup, by its manifest; Error{corruption} when anything is missing.
std::uint64_t read_all(const FakeLife& life, const BackupId& id) {
  ManifestReader manifest(*life.scratch, cluster, id);
  ChunkReader reader(*life.scratch, cluster);
  std::uint64_t bytes = 0;
  const auto read = [&](const ChunkRef& chunk) {
    Bytes raw(chunk.raw_size);
    reader.read(chunk, raw);
    bytes += raw.size();
    return raw;
  };
  while (const ManifestEntry* entry = manifest.next()) {
    if (const auto* whole = std::get_if<ChunkContent>(&entry->content)) {
      read(whole->chunk);
    } else if (const auto* part = std::get_if<PartContent>(&entry->content)) {
      read(part->chunk);
    } else if (const auto* maps = std::get_if<MapsContent>(&entry->content)) {
      std::uint64_t start = 0;
      for (const MapRange& range : maps->ranges) {
        for (const ChunkRef& chunk : decode_extent_map(read(range.map), start, range.length, "map").chunks) {
          read(chunk);
        }
        start += range.length;
      }
    }
  }
  return bytes;
}

struct TwoWeeks : FakeLife {
  TwoWeeks() : FakeLife(Repository::Sealing::none, hours(24)) { live_days(*this, 14); }
};

}  // namespace

TEST_CASE("The plan says who goes and what becomes of the window, and carrying it out does that", "[expire]") {
  TwoWeeks life;
  const auto before = listed(life);
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  CHECK(listed(life) == before);  // a plan only reads
  CHECK(plan.going() > 0);
  const ExpireResult result = carry_out(life, plan);
  std::vector<std::string> staying;
  for (const BackupFate& fate : plan.backups) {
    if (fate.verdict.stays()) {
      staying.push_back(fate.verdict.id.text);
    }
  }
  CHECK(listed(life) == staying);
  CHECK(result.removed.size() == plan.going());
  life.settings.grace = std::chrono::seconds(0);
  static_cast<void>(life.run_expire());
  const RecoveryWindow window = compute_window(*life.scratch, cluster);
  REQUIRE(plan.window_then);
  CHECK(window.spans.back().from_time == plan.window_then->from);
  CHECK(window.spans.back().until_lsn == plan.window_then->until_lsn);
  CHECK(plan.window_now->from < plan.window_then->from);
}

// What recovery can reach before and behind the upgrade is what retention promises; at last the old system's WAL is gone.
TEST_CASE("A cluster that was upgraded lives on, and the old system goes by retention", "[expire]") {
  FakeLife life(Repository::Sealing::none, std::chrono::seconds(0));
  const auto live = [&](int count) {
    for (int day = 0; day < count; ++day) {
      life.live_until_expire();
      static_cast<void>(life.run_expire());
      life.next_day();
    }
  };
  live(8);
  const ClusterSystem old = system_of(life.source);
  const Time upgraded = life.clock.now();
  ++life.source.system_identifier;
  life.backups.begin_anew();
  life.newest.clear();
  live(3);
  auto windows = compute_windows(*life.scratch, cluster);
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].system() == old);
  CHECK(windows[1].system() == system_of(life.source));
  CHECK(windows[1].spans.size() == 1);
  CHECK(windows[1].spans.front().from_time <= upgraded + std::chrono::seconds(120));
  // Five days are promised: two of them lie before the upgrade.
  REQUIRE_FALSE(windows[0].spans.empty());
  CHECK(windows[0].spans.back().until_time >= upgraded - hours(24));
  CHECK(choose_window(windows, upgraded - hours(20)) == 0);
  CHECK(life.run_verify().findings.empty());

  live(10);
  windows = compute_windows(*life.scratch, cluster);
  REQUIRE_FALSE(windows[0].backups.empty());
  for (const RecoverySpan& span : windows[0].spans) {
    CHECK(span.until_lsn.value <= span.backups.back()->summary.stop_lsn.value + fake_segment_size);  // its backups, and no more
  }
  CHECK(life.run_verify().findings.empty());

  live(60);
  windows = compute_windows(*life.scratch, cluster);
  CHECK(windows[0].backups.empty());
  CHECK(names(life, wal_prefix(old)).empty());
  CHECK_FALSE(names(life, wal_prefix(system_of(life.source))).empty());
  CHECK(life.run_verify().findings.empty());
}

TEST_CASE("More than half goes only when somebody confirms it", "[expire]") {
  TwoWeeks life;
  const auto before = listed(life);
  CHECK_FALSE(plan_expire(*life.scratch, life.settings, life.clock).needs_confirmation);  // half of them
  life.settings.policy.daily = 3;
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  REQUIRE(plan.going() * 2 > before.size());
  CHECK(plan.needs_confirmation);
  CHECK(error_of([&] { static_cast<void>(carry_out(life, plan, Confirmation::none)); }).kind() == ErrorKind::failed);
  CHECK(listed(life) == before);
  CHECK(names(life, "leases/").empty());
  // A small change needs nobody.
  static_cast<void>(carry_out(life, plan));
  life.live_until_expire();
  CHECK_FALSE(plan_expire(*life.scratch, life.settings, life.clock).needs_confirmation);
}

TEST_CASE("What was pinned, or removed by another, between plan and removal is left alone", "[expire]") {
  TwoWeeks life;
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  std::vector<BackupId> going;
  for (const BackupFate& fate : plan.backups) {
    if (!fate.verdict.stays()) {
      going.push_back(fate.verdict.id);
    }
  }
  REQUIRE(going.size() > 2);
  put_mark(*life.scratch, cluster, going[0], "pinned", life.clock.now(), "");
  remove_backup(*life.scratch, find_backup(*life.scratch, cluster, going[1]).value().summary, life.clock.now());
  const ExpireResult result = carry_out(life, plan);
  CHECK(result.left == std::vector<std::string>{going[0].text + ": pinned", going[1].text + ": it was removed meanwhile"});
  CHECK(is_listed(life, going[0].text));
  CHECK(result.removed.size() == going.size() - 2);
}

TEST_CASE("A backup that was taken between plan and removal stays, with what it shares", "[expire]") {
  TwoWeeks life;
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  life.live_until_expire();
  life.settings.grace = std::chrono::seconds(0);
  static_cast<void>(carry_out(life, plan));
  CHECK(listed(life).back() == life.newest);
  CHECK(read_all(life, BackupId{life.newest}) > 0);
  CHECK_FALSE(life.run_verify().damaged());
}

TEST_CASE("While somebody else holds the cluster's lease nothing is removed", "[expire]") {
  TwoWeeks life;
  const auto before = names(life, "clusters/");
  const auto held = acquire_cluster_lease(*life.scratch, cluster, "backup of prod", life.clock);
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  CHECK(error_of([&] { static_cast<void>(carry_out(life, plan)); }).kind() == ErrorKind::held);
  Progress progress;
  const SweepRequest request{.cluster = cluster, .policy = fake_policy(), .grace = std::chrono::seconds(0)};
  CHECK(error_of([&] { static_cast<void>(sweep(*life.scratch, request, life.clock, progress, {})); }).kind() == ErrorKind::held);
  CHECK(names(life, "clusters/") == before);
}

TEST_CASE("Whoever reads a removed backup finds all of it until the grace is over", "[expire]") {
  TwoWeeks life;
  const ExpireResult result = life.run_expire();
  REQUIRE_FALSE(result.removed.empty());
  const RecoveryWindow window = compute_window(*life.scratch, cluster);
  for (int half_day = 0; half_day < 2; ++half_day) {
    for (const BackupId& id : result.removed) {
      CHECK(read_all(life, id) > 0);
    }
    life.clock.advance(hours(11));
    static_cast<void>(life.run_expire());
  }
  life.clock.advance(hours(3));
  life.put_time();  // the newest object tells how late it is
  CHECK(life.run_expire().sweep.bytes > 0);
  CHECK(error_of([&] { static_cast<void>(read_all(life, result.removed.front())); }).kind() == ErrorKind::corruption);
  CHECK_FALSE(life.run_verify().damaged());
}

TEST_CASE("A clock that is far ahead makes nothing old", "[expire]") {
  TwoWeeks life;
  static_cast<void>(life.run_expire());
  const auto before = names(life, "clusters/");
  const Time now = life.clock.now();
  life.clock.jump_to(now + std::chrono::days(3650));
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  CHECK(plan.going() == 0);
  static_cast<void>(carry_out(life, plan));
  CHECK(names(life, "clusters/") == before);
}

TEST_CASE("A backup that nobody can read about keeps all WAL and what its manifest names", "[expire]") {
  TwoWeeks life;
  const ExpirePlan plan = plan_expire(*life.scratch, life.settings, life.clock);
  const auto goes = std::ranges::find_if(plan.backups, [](const BackupFate& fate) { return !fate.verdict.stays(); });
  REQUIRE(goes != plan.backups.end());
  const std::string summary = summary_name(cluster, goes->verdict.id);
  Bytes content = life.scratch.content(summary);
  content.back() ^= std::byte{1};
  life.scratch.overwrite(summary, content);
  const auto wal = names(life, wal_prefix(cluster));
  life.settings.grace = std::chrono::seconds(0);
  const ExpireResult result = life.run_expire();
  CHECK(result.sweep.problems.size() == 1);
  CHECK(names(life, wal_prefix(cluster)) == wal);
  CHECK(life.scratch.store().open(summary) != nullptr);
  CHECK(read_all(life, goes->verdict.id) > 0);
}

TEST_CASE("While a manifest that is needed cannot be read no pack goes", "[expire]") {
  TwoWeeks life;
  const std::string manifest = manifest_name(cluster, BackupId{life.newest});
  Bytes content = life.scratch.content(manifest);
  content.back() ^= std::byte{1};
  life.scratch.overwrite(manifest, content);
  const auto packs = names(life, packs_prefix(cluster));
  life.settings.grace = std::chrono::seconds(0);
  const ExpireResult result = life.run_expire();
  CHECK_FALSE(result.removed.empty());
  CHECK(names(life, packs_prefix(cluster)) == packs);
  CHECK_FALSE(result.sweep.problems.empty());
}

TEST_CASE("A backup is removed by name, unless something holds it", "[expire]") {
  TwoWeeks life;
  static_cast<void>(life.run_expire());
  const auto before = listed(life);
  const auto removing = [&](const std::string& id) {
    life.settings.remove = BackupId{id};
    return plan_expire(*life.scratch, life.settings, life.clock);
  };
  CHECK(error_of([&] { static_cast<void>(removing(before.back())); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { static_cast<void>(removing("20200101T000000Z-full")); }).kind() == ErrorKind::target_unreachable);
  const std::string pinned = before[before.size() - 2];
  put_mark(*life.scratch, cluster, BackupId{pinned}, "pinned", life.clock.now(), "");
  CHECK(error_of([&] { static_cast<void>(removing(pinned)); }).kind() == ErrorKind::failed);
  put_mark(*life.scratch, cluster, BackupId{pinned}, "unpinned", life.clock.now() + std::chrono::seconds(1), "");
  static_cast<void>(carry_out(life, removing(pinned)));
  CHECK_FALSE(is_listed(life, pinned));
  CHECK_FALSE(life.run_verify().damaged());
}

TEST_CASE("Time marks are thinned, tails go once their segment is whole, and the window stays the same", "[expire]") {
  FakeLife life(Repository::Sealing::none, std::chrono::seconds(0));
  live_days(life, 3);
  const WalSegment last{fake_timeline, life.backups.wal_end().value / fake_segment_size - 1, fake_segment_size};
  WalDescription description;
  description.system_identifier = life.source.system_identifier;
  description.major_version = 15;
  description.segment = last;
  description.length = fake_page_size;
  const Bytes page = fake_wal(life.source, last, 1);
  static_cast<void>(put_wal(
      *life.scratch, cluster, description,
      [&](std::uint64_t at, MutableByteView out) { std::ranges::copy(ByteView(page).subspan(at, out.size()), out.begin()); },
      Compression{}));
  REQUIRE(life.scratch.store().open(wal_tail_name(system_of(life.source), last, 0, fake_page_size)) != nullptr);
  const Time idle_since = life.clock.now();
  for (int minute = 0; minute < 120; ++minute) {
    life.clock.advance(std::chrono::minutes(1));
    life.put_time();  // an idle server: the LSN is the same
  }
  const auto before = compute_window(*life.scratch, cluster);
  static_cast<void>(life.run_expire());
  const auto after = compute_window(*life.scratch, cluster);
  CHECK(after.spans.back().until_time == before.spans.back().until_time);
  CHECK(after.spans.back().until_lsn == before.spans.back().until_lsn);
  std::size_t marks = 0;
  for (const WalTime& mark : after.wal.timelines.at(fake_timeline).times) {
    marks += mark.time > idle_since ? 1U : 0U;
  }
  CHECK(marks == 1);
  CHECK(life.scratch.store().open(wal_tail_name(system_of(life.source), last, 0, fake_page_size)) == nullptr);
}

TEST_CASE("Chunks that moved are shared by the next backup, and are not taken for what an interrupted one left", "[expire]") {
  FakeLife life(Repository::Sealing::none, std::chrono::seconds(0));
  live_days(life, 2);
  std::uint64_t rewritten = 0;
  for (int day = 0; day < 40 && rewritten == 0; ++day) {
    life.live_until_expire();
    rewritten = life.run_expire().sweep.rewritten.packs;
    life.next_day();
  }
  REQUIRE(rewritten > 0);
  const StoredPacks stored(*life.scratch, cluster);
  std::size_t moved = 0;
  for (const std::string& name : names(life, packs_prefix(cluster))) {
    const ParsedName parsed = parse_object_name(name);
    if (parsed.kind != NameKind::relocation) {
      continue;
    }
    ++moved;
    CHECK(stored.contains(*parsed.pack));
    CHECK(std::ranges::none_of(stored.all(), [&](const StoredPacks::Pack& pack) { return pack.id == *parsed.pack; }));
    const PackId target = read_relocations(*life.scratch, cluster, *parsed.pack).value().front().pack;
    CHECK(stored.holds_moved(target));
    // With what it leads to gone, it leads nowhere.
    life.scratch.store().remove(pack_name(cluster, target));
    CHECK_FALSE(StoredPacks(*life.scratch, cluster).contains(*parsed.pack));
    break;
  }
  CHECK(moved == 1);
  CHECK(OrphanChunks(*life.scratch, cluster, stored, life.clock.now() - hours(20)).size() == 0);
}

}  // namespace expire_test
