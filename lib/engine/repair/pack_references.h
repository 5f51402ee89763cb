#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/verify_inventory.h"
#include "repository/chunk_table.h"
#include "repository/manifest.h"
#include "repository/pack_reader.h"
#include "repository/relocation.h"

namespace pgrecall {

// Which chunks of some packs backups need, from manifests and extent maps alone: the packs' own indexes may be what is damaged.
// Memory: what refers to these packs, and some tens of bytes for each extent map (256 MiB of a file). One thread.
class PackReferences {
 public:
  // `packs`: those that are asked about, also ones that are missing.
  PackReferences(const Repository& repository, std::string cluster, std::set<PackId> packs);

  enum class [[nodiscard]] Walk{
      whole,
      partial,  // a manifest, map or relocation cannot be read: there may be more references
  };
  // Calls `visit` for each chunk that the backup needs in one of the packs, some of them more than once. Relocations are followed
  // up to these packs: the reference is the one there.
  Walk walk(const BackupId& backup, const std::function<void(const ChunkRef&)>& visit, const std::stop_token& stop);

 private:
  using Place = std::pair<PackId, std::uint64_t>;  // pack and offset
  struct PlaceHash {
    std::size_t operator()(const Place& place) const noexcept {
      return PackIdHash{}(place.first) ^ (place.second * 0x9E3779B97F4A7C15U);
    }
  };
  struct MapReferences {
    Walk walked = Walk::whole;
    std::vector<ChunkRef> chunks;
  };

  [[nodiscard]] bool stored(const PackId& id) const;
  [[nodiscard]] bool reaches(const PackId& id);
  [[nodiscard]] const std::vector<Relocation>* relocations_of(const PackId& id);
  // False when it leads nowhere.
  bool follow(ChunkRef chunk, const std::function<void(const ChunkRef&)>& visit);
  const MapReferences& references_of(const MapRange& range, std::uint64_t start);
  Walk walk_maps(const MapsContent& maps, const std::function<void(const ChunkRef&)>& visit);

  const Repository& repository_;
  const std::string cluster_;
  const std::set<PackId> packs_;
  const VerifyInventory inventory_;
  ChunkReader reader_;
  std::map<PackId, bool> reaches_;
  std::map<PackId, std::vector<Relocation>> relocations_;  // of packs that reach packs_; empty: unreadable
  std::unordered_map<Place, MapReferences, PlaceHash> maps_;
};

}  // namespace pgrecall
