#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "engine/verify_context.h"
#include "repository/summary.h"

namespace pgrecall {

// WAL of one cluster: what backups need from their start to their stop, and everything else that is stored. Each object is read
// once. One thread; jobs go on after a call returns, and the object outlives them.
class VerifyWal {
 public:
  explicit VerifyWal(const VerifyContext& context);

  // Every segment that the backup needs, and the history of its timeline.
  void check_backup(const BackupSummary& summary);
  // One segment of the inventory, ahead of its backups; damage of it names these later.
  void read(std::size_t segment);
  // While no jobs run: it was found damaged.
  [[nodiscard]] bool damaged(std::size_t segment) const;
  // What no call of check_backup read; with a budget no more segments.
  void check_rest();

 private:
  [[nodiscard]] std::string name_of(const VerifyInventory::Segment& segment) const;
  void check_needed(const BackupSummary& summary, const WalSegment& segment);
  void check_tails(const BackupSummary& summary, const WalSegment& segment);
  void check_history(const std::string& object, const std::string& backup);
  [[nodiscard]] ClusterSystem system_of(const BackupSummary& summary) const;

  const VerifyContext& context_;
  std::vector<bool> claimed_;  // as inventory.segments
  std::set<std::string> claimed_tails_;
  std::set<std::string> claimed_histories_;
};

}  // namespace pgrecall
