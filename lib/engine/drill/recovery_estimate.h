#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "repository/drill_record.h"

namespace pgrecall {

// How long a recovery takes, from what drills of the cluster took. Pure.
struct RecoveryEstimate {
  double restore_seconds = 0;
  double replay_seconds = 0;  // from the server's start until it stands at its target
  std::size_t drills = 0;     // that it comes from

  [[nodiscard]] double seconds() const noexcept { return restore_seconds + replay_seconds; }
};

// Of a backup of `bytes` and `wal_bytes` behind it, by the newest ten drills that passed: the median of what a byte took. Of WAL
// those drills count that replayed the most, since a little of it takes as long as the server's start does. Nothing before there
// is a drill to judge by.
[[nodiscard]] std::optional<RecoveryEstimate> estimate_recovery(std::span<const DrillRecord> past, std::uint64_t bytes,
                                                                std::uint64_t wal_bytes);

}  // namespace pgrecall
