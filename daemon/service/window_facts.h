#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/wal/status.h"
#include "engine/wal/window.h"
#include "repository/drill_record.h"
#include "status/status.h"

namespace pgrecall {

// The recovery window as it was when it was last worked out. A plain value.
struct WindowFacts {
  Time computed{};
  std::optional<Time> from;  // of the span that ends last; nothing without backups
  std::optional<Time> until;
  Lsn until_lsn;
  std::size_t spans = 0;
  std::size_t gaps = 0;
  std::size_t backups = 0;
  std::string newest_backup;
  std::optional<Time> newest_backup_started;
  std::string problem;  // why the rest is not known, or old

  std::shared_ptr<const std::vector<BackupFigures>> known_backups;  // the newest 400, oldest first; null before the first look
  std::map<std::string, std::uint64_t> backups_by_keep;
  std::optional<Time> first_backup_started;
  std::vector<SpanFigures> latest_spans;  // on the way to the end of the newest timeline, oldest first
  // Of each gap on the way to the newest timeline the time from which on one can recover again; Time::max() while no backup has
  // come behind it. What expire thinned counts too: it lies before the window that is promised. What waits in the spool, or is
  // still to be received, is no gap.
  std::vector<Time> gap_ends;
  // The same of those that the receiver may still fill.
  std::vector<Time> awaited_gap_ends;
  DrillFigures drill;
  // What the receiver holds in the spool follows on `until` without a gap.
  bool followed = false;
};

// What drills tell; the estimate is for the newest backup and the WAL behind it.
[[nodiscard]] DrillFigures drill_figures(const std::vector<DrillRecord>& drills, const RecoveryWindow& window);

// WAL that no server had any more when the receiver needed it.
struct LostWal {
  Timeline timeline = 0;
  Lsn until;
};

// What the systems that the cluster was before add to the facts of the present one, the last of the windows: their backups, and
// how far recovery reaches back. From one system to the next there is no gap as long as the next one's window has none: the
// moments in between are those of the upgrade.
void add_earlier_systems(const std::vector<RecoveryWindow>& windows, WindowFacts& facts);

// All but `computed`, `problem` and `drill`, of the present system. `receiver` is how it stood before the window was worked out,
// `lost` what it had to do without last.
[[nodiscard]] WindowFacts window_facts(const RecoveryWindow& window, const std::optional<WalReceiverStatus>& receiver,
                                       const std::optional<LostWal>& lost);

}  // namespace pgrecall
