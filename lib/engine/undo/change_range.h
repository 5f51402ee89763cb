#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "engine/undo/find_changes.h"
#include "engine/wal/window.h"

namespace pgrecall {

// Which WAL to read for a search.
struct ChangeRange {
  // What may hold the ends of the transactions that are asked for.
  Lsn from;
  std::optional<Lsn> until;  // nothing: to the end
  // Numbers of the segments that the repository has a part of, on the way to the end of the history; in order, both included.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> segments;
  // The newest backup before it, or else the oldest; null when there is none.
  const ListedBackup* backup = nullptr;

  [[nodiscard]] std::uint64_t last_segment() const noexcept { return segments.empty() ? 0 : segments.back().second; }
};

// From names and summaries alone. Error{target_unreachable} when nothing is there.
[[nodiscard]] ChangeRange choose_range(const RecoveryWindow& window, const TimelineHistory& history, const ChangeSearch& search);

// Where transactions that ended at `time` or later can be, as close as segments tell, at or behind range.from: by the times in a
// few segments of the range. For WAL that came without time marks, by archive_command alone.
[[nodiscard]] Lsn narrow_to_time(const WalPlaces& places, const TimelineHistory& history, const ChangeRange& range, Time time,
                                 std::uint32_t segment_size, const std::stop_token& stop);

// Where to begin reading, at or before range.from: the redo position of a checkpoint, behind which the first change of every page
// brings it whole. Looks at a bounded number of segments, from the one that holds `from` backwards.
[[nodiscard]] Lsn checkpoint_before(const WalPlaces& places, const TimelineHistory& history, const ChangeRange& range,
                                    std::uint32_t segment_size, const std::stop_token& stop);

}  // namespace pgrecall
