#include "engine/drill/recovery_estimate.h"

#include <algorithm>
#include <vector>

namespace pgrecall {

namespace {

constexpr std::size_t judged = 10;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::optional<RecoveryEstimate> estimate_recovery(std::span<const DrillRecord> past, std::uint64_t bytes,
                                                  std::uint64_t wal_bytes) {
  std::vector<DrillRecord> drills;
  for (auto record = past.rbegin(); record != past.rend() && drills.size() < judged; ++record) {
    if (record->passed && record->restored_bytes > 0) {
      drills.push_back(*record);
    }
  }
  if (drills.empty()) {
    return std::nullopt;
  }
  std::vector<double> restored;
  double start = drills.front().replay_seconds;
  for (const DrillRecord& drill : drills) {
    restored.push_back(drill.restore_seconds / static_cast<double>(drill.restored_bytes));
    start = std::min(start, drill.replay_seconds);
  }
  std::ranges::sort(drills, std::ranges::greater(), &DrillRecord::wal_bytes);
  std::vector<double> replayed;
  for (std::size_t i = 0; i < (drills.size() + 1) / 2; ++i) {
    replayed.push_back(drills[i].replay_seconds / static_cast<double>(std::max<std::uint64_t>(1, drills[i].wal_bytes)));
  }
  return RecoveryEstimate{.restore_seconds = median(restored) * static_cast<double>(bytes),
                          .replay_seconds = std::max(start, median(replayed) * static_cast<double>(wal_bytes)),
                          .drills = drills.size()};
}

}  // namespace pgrecall
