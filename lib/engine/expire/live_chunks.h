#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/expire/sweep_plan.h"
#include "engine/verify_packs.h"
#include "repository/manifest.h"

namespace pgrecall {

// Which chunks of some packs backups need, from manifests and extent maps. Memory: a bit a chunk. One thread.
class LiveChunks {
 public:
  LiveChunks(const Repository& repository, std::string cluster);

  // Of every backup that needs one of `packs`, also over relocations. False when something is damaged: then nobody knows, and
  // problem() says what.
  [[nodiscard]] bool walk(const std::vector<BackupId>& backups, const std::vector<PackId>& packs, const std::stop_token& stop);
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  struct Pack {
    std::uint64_t size = 0;
    std::uint64_t dead_bytes = 0;
    std::vector<ChunkRef> live;  // in order of offset
  };
  // After walk(). Nothing when the pack is not there or cannot be read. Once for each pack.
  [[nodiscard]] std::optional<Pack> of(const PackId& id);

 private:
  [[nodiscard]] bool concerns(const BackupId& backup, const std::set<PackId>& packs);
  [[nodiscard]] bool reaches(const PackId& id, const std::set<PackId>& packs);
  void walk_backup(const BackupId& backup, const std::stop_token& stop);
  void walk_maps(const MapsContent& maps, const std::string& backup);
  [[nodiscard]] std::optional<VerifyPacks::Place> claim(const ChunkRef& chunk, const std::string& backup);

  const Repository& repository_;
  const std::string cluster_;
  const VerifyInventory inventory_;
  VerifyFindings findings_;
  VerifyPacks packs_;
  ChunkReader reader_;
  std::unordered_set<std::uint64_t> walked_maps_;  // by pack and number
  std::map<PackId, bool> reaches_;
  bool damaged_ = false;
  std::string problem_;
};

}  // namespace pgrecall
