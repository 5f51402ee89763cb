#include <algorithm>
#include <set>

#include "engine/wal/window.h"
#include "unit/engine/fake_life.h"

namespace expire_days_test {

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::hours;

// A hundred days: backups, WAL, pins, damage, holes, and an expire a day, with all of it verified each day.

namespace {

constexpr int simulated_days = 100;

// Every moment of the promised window that was recoverable is so still. `began`: when the present stretch of WAL did.
void check_window(const FakeLife& life, Time began) {
  const RecoveryWindow now = compute_window(*life.scratch, cluster);
  REQUIRE_FALSE(now.spans.empty());
  const RecoverySpan& last = now.spans.back();
  CHECK(last.from_time <= std::max<Time>(began, life.clock.now() - fake_policy().window));
  CHECK(last.until_time >= life.clock.now() - hours(6));
}

struct Story {
  FakeLife life;
  Time began = Time::max();
  std::set<std::string> seen = {};
  std::uint64_t removed = 0;
  std::uint64_t rewritten = 0;

  void live(int day);
  void check(int day);
};

void Story::live(int day) {
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
      put_mark(*life.scratch, cluster, summary.id, "damaged", life.clock.now(), "for the test");
    }
  }
  life.backups.add_wal(life.source, 1);
  life.clock.advance(hours(5) + std::chrono::minutes(30));
  life.put_time();
  const ExpireResult result = life.run_expire();
  removed += result.removed.size();
  rewritten += result.sweep.rewritten.packs;
  CHECK(result.left.empty());
  CHECK(result.sweep.problems.empty());
}

void Story::check(int day) {
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
  // 4 days, 2 weeks, 2 months, the window's first, a pinned one, and where a hole is one more of the window.
  CHECK(catalog.backups.size() <= 11);
}

}  // namespace

TEST_CASE("A hundred days of backups and expires: verify finds each backup whole, and the window holds", "[expire][long]") {
  Story story{.life = {GENERATE(Repository::Sealing::none, Repository::Sealing::sealed), hours(24)}};
  FakeLife& life = story.life;
  for (int day = 0; day < simulated_days; ++day) {
    INFO("day " << day << ", " << format_time(life.clock.now()));
    story.live(day);
    story.check(day);
    life.next_day();
  }
  CHECK(story.removed + read_catalog(*life.scratch, cluster).backups.size() == story.seen.size());
  CHECK(story.rewritten > 0);

  // Once nobody can be reading what was removed, only what backups need is left.
  life.settings.grace = std::chrono::seconds(0);
  static_cast<void>(life.run_expire());
  static_cast<void>(life.run_expire());
  const VerifyReport report = life.run_verify();
  INFO(text_of(report));
  CHECK(report.findings.empty());
  CHECK(read_catalog(*life.scratch, cluster).expired.empty());
}

}  // namespace expire_days_test
