#include <algorithm>
#include <random>
#include <set>

#include "engine/expire/expire.h"
#include "engine/verify.h"
#include "engine/wal/window.h"
#include "unit/engine/fake_backups.h"

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

// A small repository that lives through a hundred days: backups, WAL, pins, damage, holes, and an expire a day, with all of it
// verified each day.

namespace {

constexpr int simulated_days = 100;
constexpr days window{5};

RetentionPolicy small_policy() {
  return {.daily = 4, .weekly = 2, .monthly = 2, .window = window, .local_day = [](Time time) {
            return std::chrono::local_days(std::chrono::floor<days>(time).time_since_epoch());
          }};
}

struct Life {
  explicit Life(Repository::Sealing sealing, std::chrono::seconds grace)
      : clock(parse_time("2026-01-28T02:30:00Z").value()),
        scratch(sealing, std::make_unique<MemoryStore>(clock)),
        backups(*scratch),
        settings{.cluster = cluster, .policy = small_policy(), .grace = grace},
        source(fake_cluster()) {}

  void change_source() {
    FakeFile& relation = source.file("base/5/16384");
    std::vector<std::uint64_t> seeds;
    for (std::size_t i = 0; i < 24; ++i) {
      // A page of the old part now and then, so that packs die bit by bit.
      seeds_[i] = seeds_[i] == 0 || random() % 6 == 0 ? 1 + random() % 1'000'000 : seeds_[i];
      seeds.push_back(seeds_[i]);
    }
    relation.content = fake_relation(seeds);
    source.file("base/5/16390").content = fake_relation({1 + random() % 3, 2 + random() % 3});
  }

  BackupSummary take_backup() {
    const auto today = std::chrono::floor<days>(clock.now());
    const bool sunday = std::chrono::weekday(today) == std::chrono::Sunday;
    const bool first = std::chrono::year_month_day(today).day() == std::chrono::day(1);
    const Keep keep = first ? Keep::monthly : (sunday ? Keep::weekly : Keep::daily);
    const bool full = keep != Keep::daily || newest.empty();
    if (full) {
      backups.share_nothing();
    }
    const BackupId id = BackupId::make(clock.now(), full ? BackupKind::full : BackupKind::incremental);
    newest = id.text;
    return backups.add(source, id.text, FakeBackups::Wal::whole, [keep](BackupSummary& summary) { summary.keep = keep; });
  }

  void put_time() { put_wal_time(*scratch, cluster, source.system_identifier, {fake_timeline, backups.wal_end(), clock.now()}); }

  ExpireResult run_expire() {
    const ExpirePlan plan = plan_expire(*scratch, settings, clock);
    Progress progress;
    ExpireResult result = expire(*scratch, plan, settings, Confirmation::given, clock, progress, {});
    CHECK(result.left.empty());
    return result;
  }

  VerifyReport run_verify() {
    VerifyRequest request;
    request.cluster = cluster;
    Progress progress;
    return verify(*scratch, request, clock, progress, {});
  }

  ManualClock clock;
  ScratchRepository scratch;
  FakeBackups backups;
  ExpireSettings settings;
  FakeCluster source;
  std::mt19937_64 random{20261123};
  std::string newest;

 private:
  std::array<std::uint64_t, 24> seeds_{};
};

std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& each : report.findings) {
    text += each.kind + ": " + each.object + ": " + each.problem + "\n";
  }
  return text;
}

std::uint64_t stored_bytes(const ObjectStore& store, const std::string& prefix) {
  std::uint64_t bytes = 0;
  const_cast<ObjectStore&>(store).list(prefix, [&](const ObjectInfo& object) { bytes += object.size; });
  return bytes;
}

// That every moment of the promised window which was recoverable is so still: the first moment of the last span.
void check_window(const Life& life, Time began) {
  const RecoveryWindow now = compute_window(*life.scratch, cluster);
  REQUIRE_FALSE(now.spans.empty());
  const RecoverySpan& last = now.spans.back();
  const Time wanted = std::max<Time>(began, life.clock.now() - window);
  CHECK(last.from_time <= wanted);
  CHECK(last.until_time >= life.clock.now() - hours(6));
  // Neither has it more than it needs: one backup interval, the grace, and what the reference lags behind.
  CHECK(now.spans.size() <= now.backups.size());
}

}  // namespace

TEST_CASE("A hundred days of backups and expires: verify finds each backup whole, and the window holds", "[expire]") {
  const auto sealing = GENERATE(Repository::Sealing::none, Repository::Sealing::sealed);
  Life life(sealing, hours(24));
  const Time first_day = life.clock.now();
  Time began = Time::max();  // when the present stretch of WAL began to be recoverable
  std::set<std::string> seen;
  std::uint64_t removed = 0;
  std::uint64_t rewritten = 0;
  for (int day = 0; day < simulated_days; ++day) {
    INFO("day " << day << ", " << format_time(life.clock.now()));
    life.change_source();
    if (day % 31 == 30) {
      life.backups.lose_wal(2);  // a hole: the window begins anew with the next backup
      began = Time::max();
    }
    if (day % 17 != 16) {  // now and then the backup of a day fails
      const BackupSummary summary = life.take_backup();
      seen.insert(summary.id.text);
      began = std::min(began, end_of(summary));
      if (day == 40) {
        put_mark(*life.scratch, cluster, summary.id, "pinned", life.clock.now(), "");
      }
      if (day == 60) {
        put_mark(*life.scratch, cluster, BackupId{"" + life.newest}, "damaged", life.clock.now(), "for the test");
      }
    }
    life.backups.add_wal(life.source, 1);
    life.clock.advance(hours(5) + minutes(30));
    life.put_time();
    const ExpireResult result = life.run_expire();
    removed += result.removed.size();
    rewritten += result.sweep.rewritten.packs;
    CHECK(result.sweep.problems.empty());
    const VerifyReport report = life.run_verify();
    INFO(text_of(report));
    REQUIRE_FALSE(report.damaged());
    if (began != Time::max()) {
      check_window(life, began);
    }
    const Catalog catalog = read_catalog(*life.scratch, cluster);
    REQUIRE_FALSE(catalog.backups.empty());
    CHECK(catalog.backups.back().summary.id.text == life.newest);
    CHECK(catalog.unfinished.empty());
    if (day > 40) {
      CHECK(std::ranges::any_of(catalog.backups, [](const ListedBackup& each) { return each.pinned; }));
    }
    // 4 days, 2 weeks, 2 months, the window's first, a pinned one, and one that overlaps.
    CHECK(catalog.backups.size() <= 12);
    life.clock.advance(hours(18) + minutes(30));
  }
  CHECK(removed + read_catalog(*life.scratch, cluster).backups.size() == seen.size());
  CHECK(rewritten > 0);
  CHECK(first_day < life.clock.now());

  // Once nobody can be reading what was removed, only what backups need is left.
  life.settings.grace = std::chrono::seconds(0);
  static_cast<void>(life.run_expire());
  static_cast<void>(life.run_expire());
  const VerifyReport report = life.run_verify();
  INFO(text_of(report));
  CHECK(report.findings.empty());
  CHECK(read_catalog(*life.scratch, cluster).expired.empty());
  CHECK(stored_bytes(life.scratch.store(), packs_prefix(cluster)) > 0);
}
