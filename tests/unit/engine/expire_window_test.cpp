#include "engine/expire/window_needs.h"
#include "repository/wal_archive.h"
#include "unit/repository/scratch_repository.h"

namespace expire_window_test {

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::days;

namespace {

constexpr std::uint32_t megabyte = 1U << 20U;
constexpr std::uint64_t this_system = 7'000'000'000'000'000'001;

Time on(int day, int hour = 2) { return parse_time("2026-11-01T00:00:00Z").value() + days(day - 1) + std::chrono::hours(hour); }
Lsn segment(std::uint64_t number, std::uint64_t more = 0) { return Lsn{number * megabyte + more}; }

// A window as its parts: nothing is stored. Backups and WAL of November 2026; a backup takes ten minutes.
class Story {
 public:
  Story() {
    window_.cluster = cluster;
    window_.system_identifier = this_system;
    window_.segment_size = megabyte;
    window_.wal.segment_size = megabyte;
  }
  Story& backup(int day, Timeline timeline, std::uint64_t number, const std::function<void(ListedBackup&)>& change = {}) {
    ListedBackup backup;
    backup.summary.id = BackupId::make(on(day), BackupKind::full);
    backup.summary.system_identifier = this_system;
    backup.summary.started = on(day);
    backup.summary.finished = on(day) + std::chrono::minutes(10);
    backup.summary.timeline = timeline;
    backup.summary.start_lsn = segment(number, 100);
    backup.summary.stop_lsn = segment(number, 5000);
    backup.summary.wal_segment_size = megabyte;
    backup.summary.keep = Keep::daily;
    if (change) {
      change(backup);
    }
    window_.seen = std::max(window_.seen, backup.summary.started);
    window_.backups.push_back(backup);
    return *this;
  }
  Story& wal(Timeline timeline, std::uint64_t first, std::uint64_t last) {
    window_.wal.timelines[timeline].ranges.push_back({first, last});
    window_.histories.try_emplace(timeline, TimelineHistory{timeline, {}});
    return *this;
  }
  Story& time(Timeline timeline, Lsn lsn, Time time) {
    window_.wal.timelines[timeline].times.push_back({timeline, lsn, time});
    return *this;
  }
  Story& promotion(Timeline old, Lsn at, Timeline timeline) {
    TimelineHistory history{
        timeline, window_.histories.contains(old) ? window_.histories.at(old).ancestors : std::vector<TimelineSwitch>()};
    history.ancestors.push_back({old, at, ""});
    window_.histories.insert_or_assign(timeline, history);
    return *this;
  }
  RecoveryWindow& window() {
    find_spans(window_);
    return window_;
  }
  // Of another system than the first story's; none of its own backups yet.
  Story& of_system(std::uint64_t system, Time first_seen) {
    window_.system_identifier = system;
    window_.seen = first_seen;
    return *this;
  }
  WindowNeeds needs(int window_days, Time now) { return needs_of({this}, window_days, now).back(); }
  // Of the same cluster: systems in the order in which they followed each other.
  static std::vector<WindowNeeds> needs_of(const std::vector<Story*>& systems, int window_days, Time now) {
    std::vector<PolicyBackup> views;
    std::vector<RecoveryWindow> windows;
    for (Story* story : systems) {
      RecoveryWindow& window = windows.emplace_back();
      window.cluster = cluster;
      window.system_identifier = story->window_.system_identifier;
      window.seen = story->window_.seen;
      window.backups = story->window_.backups;
      window.segment_size = megabyte;
      window.wal = story->window_.wal;
      window.histories = story->window_.histories;
      find_spans(window);
      for (const ListedBackup& each : window.backups) {
        views.push_back(policy_view(each));
      }
    }
    std::ranges::sort(views, {}, &PolicyBackup::id);
    RetentionPolicy policy;
    policy.window = days(window_days);
    return window_needs(windows, views, policy, now);
  }

 private:
  RecoveryWindow window_;
};

std::set<BackupId> ids(const std::vector<int>& november) {
  std::set<BackupId> all;
  for (const int day : november) {
    all.insert(BackupId::make(on(day), BackupKind::full));
  }
  return all;
}

void damage(ListedBackup& backup) { backup.damaged = backup.summary.finished; }

}  // namespace

TEST_CASE("The window needs the newest good backup before it, and WAL from there on", "[expire]") {
  Story story;
  for (int day = 1; day <= 10; ++day) {
    story.backup(day, 1, static_cast<std::uint64_t>(day));
  }
  story.wal(1, 1, 11).time(1, segment(11), on(11, 1));
  const WindowNeeds needs = story.needs(5, on(11, 1));
  CHECK(needs.reference == on(10) + std::chrono::seconds(601));
  CHECK(needs.bases == ids({5}));
  REQUIRE(needs.floors.size() == 1);
  CHECK(needs.floors.at(1) == segment(5, 100));
  WalNeeds wal(needs, megabyte);
  wal.need(story.window().backups[1].summary);
  for (std::uint64_t number = 1; number <= 11; ++number) {
    INFO(number);
    CHECK(wal.segment(1, number) == (number == 2 || number >= 5));
    CHECK_FALSE(wal.segment(2, number));
  }
  CHECK_FALSE(wal.time({1, segment(5, 99), on(5)}));
  CHECK(wal.time({1, segment(5, 100), on(5)}));
}

TEST_CASE("A damaged backup begins no window: the one before it does", "[expire]") {
  Story story;
  for (int day = 1; day <= 10; ++day) {
    story.backup(day, 1, static_cast<std::uint64_t>(day), day == 5 || day == 4 ? damage : std::function<void(ListedBackup&)>());
  }
  CHECK(story.wal(1, 1, 11).needs(5, on(11)).bases == ids({3}));
}

TEST_CASE("On both sides of a hole the window needs a backup, until the hole is older than the window", "[expire]") {
  Story story;
  story.backup(1, 1, 1).backup(2, 1, 2).backup(8, 1, 12).backup(9, 1, 13).wal(1, 1, 8).wal(1, 12, 14);
  // 8 days before the 9th is the 1st; both spans have moments of the window.
  CHECK(story.needs(7, on(9, 8)).bases == ids({2, 8}));
  // WAL of the first span was written before the 8th at most.
  CHECK(story.needs(2, on(9, 8)).bases == ids({2, 8}));
  story.backup(10, 1, 14).backup(11, 1, 15).wal(1, 15, 16);
  WindowNeeds needs = story.needs(2, on(11, 8));
  CHECK(needs.bases == ids({9}));
  CHECK(needs.floors.at(1) == segment(13, 100));
  CHECK(gaps_within(story.window(), needs).empty());
  needs = story.needs(7, on(11, 8));
  CHECK(needs.bases == ids({2, 8}));
  CHECK(gaps_within(story.window(), needs).size() == 1);
}

TEST_CASE("A promotion within the window keeps both timelines, and the old one goes with the window", "[expire]") {
  Story story;
  story.backup(1, 1, 1).backup(3, 1, 3).wal(1, 1, 5).promotion(1, segment(5, 500), 2).wal(2, 5, 30);
  story.backup(6, 2, 8);
  WindowNeeds needs = story.needs(2, on(6, 8));
  CHECK(needs.bases == ids({3}));
  CHECK(needs.floors.at(1) == segment(3, 100));
  CHECK(needs.floors.at(2) == Lsn{0});  // from the fork on, though the newest backup is on it
  story.backup(9, 2, 12).backup(12, 2, 20);
  needs = story.needs(2, on(12, 8));
  CHECK(needs.bases == ids({9}));
  CHECK_FALSE(needs.floors.contains(1));
  CHECK(needs.floors.at(2) == segment(12, 100));
}

TEST_CASE("WAL of a timeline that nobody knows stays", "[expire]") {
  Story story;
  story.backup(1, 3, 1).backup(9, 3, 9).wal(3, 1, 10).wal(7, 2, 3);
  const WindowNeeds needs = story.needs(2, on(9, 8));
  CHECK(needs.floors.at(7) == Lsn{0});
  CHECK(needs.floors.at(3) == segment(1, 100));
}

TEST_CASE("No WAL goes without a good backup", "[expire]") {
  Story bad;
  CHECK_FALSE(bad.backup(1, 1, 1, damage).wal(1, 1, 2).needs(2, on(9)).keeps_all_wal.empty());
}

TEST_CASE("A system that was replaced keeps what the window needs of it, and then only what its backups need", "[expire]") {
  Story old;
  old.backup(1, 1, 1).backup(3, 1, 3).backup(5, 1, 5).wal(1, 1, 9);
  Story fresh;
  fresh.of_system(this_system + 1, on(8)).backup(8, 1, 1).backup(9, 1, 2).wal(1, 1, 5);
  // 3 days before the 9th the old one was there, on the 6th, and its backup of the 5th begins that.
  auto needs = Story::needs_of({&old, &fresh}, 3, on(9, 8));
  CHECK(needs[0].replaced == on(8));
  CHECK(needs[0].bases == ids({5}));
  CHECK(needs[0].floors.at(1) == segment(5, 100));
  CHECK_FALSE(needs[1].replaced);
  CHECK(needs[1].bases == ids({8}));
  CHECK(needs[1].floors.at(1) == segment(1, 100));
  CHECK(bases_of(needs) == ids({5, 8}));
  fresh.backup(12, 1, 4);
  needs = Story::needs_of({&old, &fresh}, 3, on(12, 8));
  CHECK(needs[0].bases.empty());
  CHECK(needs[0].floors.empty());
  CHECK(needs[0].keeps_all_wal.empty());
  CHECK(needs[1].bases == ids({9}));
  WalNeeds wal(needs[0], megabyte);
  wal.need(old.window().backups[1].summary);
  CHECK(wal.segment(1, 3));
  CHECK_FALSE(wal.segment(1, 4));
}

TEST_CASE("A system is replaced only once there is a good backup of the next", "[expire]") {
  Story old;
  old.backup(1, 1, 1).backup(5, 1, 5).wal(1, 1, 9);
  Story fresh;
  fresh.of_system(this_system + 1, on(8)).wal(1, 1, 5);
  auto needs = Story::needs_of({&old, &fresh}, 3, on(20));
  CHECK_FALSE(needs[0].replaced);
  CHECK(needs[0].floors.at(1) == segment(1, 100));
  CHECK_FALSE(needs[1].keeps_all_wal.empty());
  fresh.backup(8, 1, 1, damage);
  needs = Story::needs_of({&old, &fresh}, 3, on(20));
  CHECK_FALSE(needs[0].replaced);
  CHECK_FALSE(needs[1].keeps_all_wal.empty());
  // What is left of one without any backup goes, all of it.
  Story gone;
  gone.of_system(this_system - 1, on(1)).wal(1, 1, 9);
  needs = Story::needs_of({&gone, &old}, 3, on(6));
  CHECK(needs[0].replaced == on(5));
  CHECK(needs[0].keeps_all_wal.empty());
  CHECK_FALSE(WalNeeds(needs[0], megabyte).segment(1, 9));
}

TEST_CASE("A server that was taken back to before an upgrade is the present one again", "[expire]") {
  Story old;
  old.backup(1, 1, 1).backup(5, 1, 5).backup(10, 1, 7).wal(1, 1, 9);
  Story tried;
  tried.of_system(this_system + 1, on(8)).backup(8, 1, 1).wal(1, 1, 5);
  const auto needs = Story::needs_of({&tried, &old}, 3, on(10, 8));
  CHECK(needs[0].replaced == on(10));
  CHECK(needs[0].bases == ids({8}));
  CHECK_FALSE(needs[1].replaced);
  CHECK(needs[1].bases == ids({5}));
}

TEST_CASE("The server's time is that of WAL which is as new as the last two good backups", "[expire]") {
  Story story;
  story.backup(1, 1, 1).backup(2, 1, 3).backup(3, 1, 5).wal(1, 1, 6);
  story.time(1, segment(2), on(1, 20));
  CHECK_FALSE(server_time(story.window()));
  story.time(1, segment(4), on(2, 20));
  CHECK(server_time(story.window()) == on(2, 20));
}

TEST_CASE("What is left of WAL is what its needs say", "[expire]") {
  Story story;
  story.backup(1, 1, 2).backup(9, 1, 6).backup(12, 1, 9).wal(1, 1, 10);
  story.time(1, segment(3), on(2)).time(1, segment(7), on(12, 5));
  WalNeeds wal(story.needs(3, on(12, 8)), megabyte);
  wal.need(story.window().backups[0].summary);
  const WalInventory left = wal.remaining(story.window().wal);
  const TimelineWal& held = left.timelines.at(1);
  REQUIRE(held.ranges.size() == 2);
  CHECK(held.ranges[0].first == 2);
  CHECK(held.ranges[0].last == 2);
  CHECK(held.ranges[1].first == 6);
  CHECK(held.ranges[1].last == 10);
  REQUIRE(held.times.size() == 1);
  CHECK(held.times[0].lsn == segment(7));
}

}  // namespace expire_window_test
