#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/expire/policy.h"
#include "engine/wal/window.h"

// What recovery to any moment of the last days needs, and which WAL nobody needs any more.

namespace pgrecall {

// Of one system.
struct WindowNeeds {
  Time reference;            // up to when time is known to have come
  Time from;                 // the window that is promised: [from, now]
  std::set<BackupId> bases;  // that recovery to its moments begins with; one for each stretch without a gap
  // Of each timeline with WAL: the LSN from which on WAL stays. A timeline that is not here keeps none for the window.
  std::map<Timeline, Lsn> floors;
  std::string keeps_all_wal;  // why no WAL goes at all; empty when some may
  // When the first good backup of the system began that has the cluster's name since; nothing for the present one. No moment of
  // this one is later.
  std::optional<Time> replaced;
};

// Of each of the windows, the present system's last. `all_backups`: those of all systems.
[[nodiscard]] std::vector<WindowNeeds> window_needs(const std::vector<RecoveryWindow>& windows,
                                                    const std::vector<PolicyBackup>& all_backups, const RetentionPolicy& policy,
                                                    Time now);
// What of these begins windows.
[[nodiscard]] std::set<BackupId> bases_of(const std::vector<WindowNeeds>& needs);

// The server's own time, as far as WAL that came with or after the last two good backups tells it.
[[nodiscard]] std::optional<Time> server_time(const RecoveryWindow& window);

// Which WAL objects stay: that of the window, and for each kept backup what makes it consistent.
class WalNeeds {
 public:
  WalNeeds(const WindowNeeds& needs, std::uint32_t segment_size);

  // From start to stop of a backup that stays.
  void need(const BackupSummary& summary);
  // All WAL behind the start of a backup that was removed a short while ago: whoever restores it goes on.
  void need_from(const BackupSummary& summary);

  [[nodiscard]] bool segment(Timeline timeline, std::uint64_t number) const;
  [[nodiscard]] bool time(const WalTime& at) const;
  // What is left of an inventory once the rest is gone.
  [[nodiscard]] WalInventory remaining(const WalInventory& inventory) const;

 private:
  struct Range {
    std::uint64_t first = 0;  // numbers of segments, both included
    std::uint64_t last = 0;
  };
  [[nodiscard]] std::optional<std::uint64_t> floor_of(Timeline timeline) const;

  std::uint32_t segment_size_;
  bool all_ = false;
  std::map<Timeline, Lsn> floors_;
  std::map<Timeline, std::vector<Range>> ranges_;
};

// Holes that were not made by removing what nobody needs: those of the promised window.
[[nodiscard]] std::vector<WalGap> gaps_within(const RecoveryWindow& window, const WindowNeeds& needs);

}  // namespace pgrecall
