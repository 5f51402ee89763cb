#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "engine/wal/stored_segment.h"
#include "postgres/timeline_history.h"
#include "repository/catalog.h"
#include "repository/wal_inventory.h"

namespace pgrecall {

// One stretch without a gap: from the end of its first backup on, the cluster can be brought back to any moment of it.
struct RecoverySpan {
  Timeline timeline = 0;                     // whose history is followed
  std::vector<const ListedBackup*> backups;  // that recovery can begin with, oldest first; in RecoveryWindow::backups
  Time from_time;                            // when the first backup had ended, rounded up
  Lsn from_lsn;
  Time until_time;  // the latest that is known to be covered (of a lone backup the same, rounded down); commits may be later
  Lsn until_lsn;
  Timeline until_timeline = 0;  // where it ends: `timeline`, or an ancestor behind which WAL is missing
};

// WAL that is missing between what is there.
struct WalGap {
  Timeline timeline = 0;
  Lsn from;
  Lsn until;
};

// From when to when one system of a cluster can be brought back, as far as the repository alone can tell: from summaries, names
// of WAL objects and timeline histories.
struct RecoveryWindow {
  RecoveryWindow() = default;
  RecoveryWindow(const RecoveryWindow&) = delete;  // spans point into `backups`
  RecoveryWindow& operator=(const RecoveryWindow&) = delete;
  RecoveryWindow(RecoveryWindow&&) = default;
  RecoveryWindow& operator=(RecoveryWindow&&) = default;

  std::string cluster;
  std::uint64_t system_identifier = 0;
  Time seen;                          // when that system was last told to be the cluster's: KnownSystem
  std::vector<ListedBackup> backups;  // of that system, oldest first
  std::uint32_t segment_size = 0;     // bytes; 0 while nothing is known of the cluster
  WalInventory wal;
  std::map<Timeline, TimelineHistory>
      histories;                    // of every timeline with WAL or a backup; without ancestors where none is stored
  std::vector<RecoverySpan> spans;  // by timeline and LSN
  std::vector<WalGap> gaps;         // behind the first backup

  [[nodiscard]] ClusterSystem system() const { return {cluster, system_identifier}; }
  // The timeline with the highest number that a span is on; 0 when there are none.
  [[nodiscard]] Timeline latest_timeline() const noexcept;
  // Those that lie on the way to the end of that timeline, oldest first; the ones of ancestors end where these were left.
  [[nodiscard]] std::vector<RecoverySpan> spans_to(Timeline timeline) const;
};

// When a backup had surely ended: summaries leave fractions of seconds out.
[[nodiscard]] Time end_of(const BackupSummary& summary);

// Spans and gaps anew, from backups, WAL and histories; pure. For what would be if some of these were gone.
void find_spans(RecoveryWindow& window);

// Of the system that the cluster's name belongs to now.
[[nodiscard]] RecoveryWindow compute_window(const Repository& repository, const std::string& cluster);
// Of each system that has borne the name, the present one's last; never empty.
[[nodiscard]] std::vector<RecoveryWindow> compute_windows(const Repository& repository, const std::string& cluster);

// Which of these, the present one's last, recovery starts from: the one that has the backup `wanted`; the newest that reaches
// back to `time`; else the newest with a span. The last where none does.
[[nodiscard]] std::size_t choose_window(const std::vector<RecoveryWindow>& windows, const std::optional<Time>& time,
                                        const std::optional<BackupId>& wanted = {});
// "system 7711510794144481311, PostgreSQL 15".
[[nodiscard]] std::string describe_system(const RecoveryWindow& window);

// The later of the span's until_time and the last commits in its WAL, which is looked into at its end: for clusters whose WAL
// comes without time marks, by push alone. What the spool holds behind the span counts, too.
[[nodiscard]] Time covered_until(const WalPlaces& places, const RecoveryWindow& window, const RecoverySpan& span,
                                 const std::stop_token& stop);

// Of the spans (with their until_time), one that is not on the way to the end of `timeline` and yet goes on to a later time: what
// was written there is not in a cluster that is recovered to the end of `timeline`. As when a copy was promoted and archives
// into the repository of the cluster that it was copied from. Null when there is none.
[[nodiscard]] const RecoverySpan* later_elsewhere(const RecoveryWindow& window, Timeline timeline);

// "2026-11-23T02:30:00Z (0/3000060) to 2026-11-23T04:00:00Z (0/9000000) on timeline 1": for errors.
[[nodiscard]] std::string describe(const RecoverySpan& span);

}  // namespace pgrecall
