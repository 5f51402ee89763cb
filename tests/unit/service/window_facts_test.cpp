#include "service/window_facts.h"

#include <catch2/catch.hpp>

namespace window_facts_test {

using namespace pgrecall;

namespace {
constexpr Lsn gap_from{0x3000000};
constexpr Lsn gap_until{0x5000000};

RecoveryWindow window_with_gap() {
  RecoveryWindow window;
  window.histories[1] = {.timeline = 1, .ancestors = {}};
  window.gaps = {{.timeline = 1, .from = gap_from, .until = gap_until}};
  return window;
}

WalReceiverStatus receiver(Lsn stored, std::uint64_t waiting_segments = 0) {
  WalReceiverStatus status;
  status.timeline = 1;
  status.stored = stored;
  status.waiting_segments = waiting_segments;
  return status;
}

std::size_t gaps_beside(const std::optional<WalReceiverStatus>& status, const std::optional<LostWal>& lost = std::nullopt) {
  RecoveryWindow window = window_with_gap();
  RecoverySpan span;
  span.timeline = 1;
  window.spans.push_back(span);
  const WindowFacts facts = window_facts(window, status, lost);
  CHECK(facts.gap_ends.size() + facts.awaited_gap_ends.size() == 1);
  return facts.gap_ends.size();
}
}  // namespace

TEST_CASE("WAL that is still to come, from the spool or the server, is no gap behind which a backup stands") {
  CHECK(gaps_beside(std::nullopt) == 0);              // a daemon that has just begun
  CHECK(gaps_beside(WalReceiverStatus{}) == 0);       // its receiver was not connected yet
  CHECK(gaps_beside(receiver(gap_from)) == 0);        // it goes on where the gap begins
  CHECK(gaps_beside(receiver(Lsn{0x2F00000})) == 0);  // a tail was stored since
  CHECK(gaps_beside(receiver(Lsn{0}, 2)) == 0);       // older WAL waits in the spool
  CHECK(gaps_beside(receiver(Lsn{0})) == 1);          // nothing is known of it
  CHECK(gaps_beside(receiver(gap_until)) == 1);       // it had to begin behind the gap
  CHECK(gaps_beside(receiver(Lsn{0x6000000}, 2)) == 1);
}

TEST_CASE("What a backup has of companions is known, and whether the Vault key is among them") {
  RecoveryWindow window;
  window.backups.resize(2);
  window.backups[0].summary.companions = {{"vault-key", {}, 1, 64, "", {"pgsodium_root.key"}}};
  window.backups[1].summary.companions = {{"vault-key", {}, 0, 0, "not permitted", {}}, {"env", {}, 1, 20, "", {".env"}}};
  const auto backups = window_facts(window, std::nullopt, std::nullopt).known_backups;
  CHECK(backups->at(0).vault_key);
  CHECK_FALSE(backups->at(1).vault_key);
  REQUIRE(backups->at(1).companions.size() == 2);
  CHECK(backups->at(1).companions[0].problem == "not permitted");
  CHECK(backups->at(1).companions[1].bytes == 20);
}

TEST_CASE("A gap on a timeline before the receiver's is nothing that it will bring") {
  WalReceiverStatus later = receiver(gap_from);
  later.timeline = 2;
  CHECK(gaps_beside(later) == 1);
  later.timeline = 0;
  CHECK(gaps_beside(later) == 0);
}

TEST_CASE("What no server had any more is a gap at once") {
  CHECK(gaps_beside(receiver(gap_from), LostWal{1, gap_until}) == 1);
  CHECK(gaps_beside(std::nullopt, LostWal{1, gap_until}) == 1);
  CHECK(gaps_beside(receiver(gap_from), LostWal{1, gap_from}) == 0);
  CHECK(gaps_beside(receiver(gap_from), LostWal{2, gap_until}) == 0);
}

TEST_CASE("Of several gaps, only the newest may be filled by a receiver of which nothing is known") {
  RecoveryWindow window = window_with_gap();
  window.spans.emplace_back().timeline = 1;
  window.gaps.insert(window.gaps.begin(), {.timeline = 1, .from = Lsn{0x1000000}, .until = Lsn{0x2000000}});
  const WindowFacts facts = window_facts(window, std::nullopt, std::nullopt);
  CHECK(facts.gap_ends.size() == 1);
  CHECK(facts.awaited_gap_ends.size() == 1);
}

TEST_CASE("Systems that the cluster was before add their backups, and the window reaches back over an upgrade") {
  const Time start = parse_time("2026-11-01T02:00:00Z").value();
  std::vector<RecoveryWindow> windows(2);
  const auto give = [&](RecoveryWindow& window, int day) {
    ListedBackup& backup = window.backups.emplace_back();
    backup.summary.id = BackupId::make(start + std::chrono::days(day), BackupKind::full);
    backup.summary.started = start + std::chrono::days(day);
    backup.summary.finished = backup.summary.started;
    backup.summary.timeline = 1;
    backup.summary.start_lsn = Lsn{0x100000};
    backup.summary.stop_lsn = Lsn{0x100100};
    window.segment_size = 1U << 20U;
    window.wal.segment_size = window.segment_size;
    window.wal.timelines[1].ranges = {{1, 5}};
    window.histories[1] = {.timeline = 1, .ancestors = {}};
    find_spans(window);
  };
  give(windows[0], 1);
  const auto facts_of = [&] {
    WindowFacts facts = window_facts(windows.back(), std::nullopt, std::nullopt);
    add_earlier_systems(windows, facts);
    return facts;
  };
  WindowFacts facts = facts_of();  // no backup of the new one yet
  CHECK_FALSE(facts.from);
  CHECK_FALSE(facts.newest_backup_started);
  CHECK(facts.backups == 1);
  CHECK(facts.first_backup_started == start + std::chrono::days(1));
  give(windows[1], 8);
  facts = facts_of();
  CHECK(facts.from == start + std::chrono::days(1) + std::chrono::seconds(1));
  CHECK(facts.newest_backup_started == start + std::chrono::days(8));
  CHECK(facts.backups == 2);
  REQUIRE(facts.known_backups->size() == 2);
  CHECK(facts.known_backups->front().started == start + std::chrono::days(1));
  CHECK(facts.latest_spans.size() == 2);
  windows[1].spans.front().from_time += std::chrono::hours(1);  // of a later backup: there is a gap behind the first
  CHECK(facts_of().from == windows[1].spans.front().from_time);
}

}  // namespace window_facts_test
