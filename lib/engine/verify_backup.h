#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/verify_chunk.h"
#include "repository/catalog.h"

namespace pgrecall {

// One backup: its manifest against its summary, every reference against the packs, and, through the pool, the chunks that were
// not read before. One thread. Context and summary outlive the pool's jobs.
class VerifyBackup {
 public:
  VerifyBackup(const VerifyContext& context, const BackupSummary& summary);

  // The manifest as an object and as a whole; then totals are known. False when it is damaged.
  [[nodiscard]] bool check_manifest();
  [[nodiscard]] const ManifestTotals& totals() const noexcept { return totals_; }
  // All that the manifest names. Jobs go on after it returns.
  void check_contents();
  // When that of its chunks was last read which was not read for longest, as the ledger has it; no time: never, or it has none.
  [[nodiscard]] Time oldest_reading() const noexcept { return oldest_reading_.value_or(Time{}); }

 private:
  [[nodiscard]] const std::string& id() const noexcept { return summary_.id.text; }
  void compare_object();
  void read_totals();
  void inconsistent(const std::string& object, std::string problem, FindingSeverity severity = FindingSeverity::damage);
  [[nodiscard]] std::optional<VerifyPacks::Place> locate(const ChunkRef& chunk, const std::string& file);
  void check_file(const ManifestEntry& entry);
  void add_part(const ManifestEntry& entry, const PartContent& part);
  void flush_parts();
  void check_range(const ManifestEntry& entry, const MapRange& range, std::uint64_t start);
  // The extent map, read here: it names chunks. Nothing when it is damaged.
  [[nodiscard]] std::optional<ExtentMap> read_map(const ManifestEntry& entry, const MapRange& range, std::uint64_t start);
  void submit(const ChunkRef& chunk, std::vector<ChunkUse> uses);
  void compare_packs();

  const VerifyContext& context_;
  const BackupSummary& summary_;
  const std::string manifest_name_;
  ManifestTotals totals_;
  std::vector<bool> used_packs_;  // as totals_.packs
  ChunkReader reader_;
  Bytes map_bytes_;
  std::map<ChunkRef, std::vector<ChunkUse>> parts_;  // small files, gathered by their chunk
  std::size_t gathered_ = 0;
  bool has_control_file_ = false;
  std::optional<Time> oldest_reading_;
};

}  // namespace pgrecall
