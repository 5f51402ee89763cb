#include "engine/repair/pack_references.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

constexpr unsigned most_moves = 64;  // as readers follow them

void require_corruption(const Error& error) {
  if (error.kind() != ErrorKind::corruption) {
    throw;  // what the caller caught
  }
}

}  // namespace

PackReferences::PackReferences(const Repository& repository, std::string cluster, std::set<PackId> packs)
    : repository_(repository),
      cluster_(std::move(cluster)),
      packs_(std::move(packs)),
      inventory_(take_inventory(repository, cluster_)),
      reader_(repository, cluster_) {}

bool PackReferences::stored(const PackId& id) const {
  const auto at = std::ranges::lower_bound(inventory_.packs, id, {}, &VerifyInventory::Pack::id);
  return at != inventory_.packs.end() && at->id == id;
}

const std::vector<Relocation>* PackReferences::relocations_of(const PackId& id) {
  const auto [known, first] = relocations_.try_emplace(id);
  if (first) {
    try {
      known->second = read_relocations(repository_, cluster_, id).value_or(std::vector<Relocation>());
    } catch (const Error& error) {
      require_corruption(error);
    }
  }
  return known->second.empty() ? nullptr : &known->second;
}

bool PackReferences::reaches(const PackId& id) {
  if (packs_.contains(id)) {
    return true;
  }
  const auto [known, first] = reaches_.try_emplace(id, false);
  if (!first || stored(id)) {
    return known->second;
  }
  const std::vector<Relocation>* const moved = relocations_of(id);
  // Where a relocation cannot be read nobody knows.
  const bool found =
      moved == nullptr || std::ranges::any_of(*moved, [this](const Relocation& entry) { return reaches(entry.pack); });
  reaches_[id] = found;
  if (!found) {
    relocations_.erase(id);
  }
  return found;
}

bool PackReferences::follow(ChunkRef chunk, const std::function<void(const ChunkRef&)>& visit) {
  for (unsigned moves = 0; moves < most_moves; ++moves) {
    if (packs_.contains(chunk.pack)) {
      visit(chunk);
      return true;
    }
    if (!reaches(chunk.pack)) {
      return true;
    }
    const std::vector<Relocation>* const moved = relocations_of(chunk.pack);
    if (moved == nullptr) {
      return false;
    }
    const auto at = std::ranges::lower_bound(*moved, chunk.offset, {}, &Relocation::old_offset);
    if (at == moved->end() || at->old_offset != chunk.offset) {
      return false;
    }
    chunk = {at->pack, at->offset, at->body_size, chunk.raw_size, chunk.digest};
  }
  return false;
}

const PackReferences::MapReferences& PackReferences::references_of(const MapRange& range, std::uint64_t start) {
  const auto [known, first] = maps_.try_emplace({range.map.pack, range.map.offset});
  MapReferences& references = known->second;
  if (!first) {
    return references;
  }
  try {
    Bytes raw(range.map.raw_size);
    reader_.read(range.map, raw);
    const ExtentMap map = decode_extent_map(raw, start, range.length, pack_name(cluster_, range.map.pack));
    for (const ChunkRef& chunk : map.chunks) {
      if (!follow(chunk, [&](const ChunkRef& found) { references.chunks.push_back(found); })) {
        references.walked = Walk::partial;
      }
    }
  } catch (const Error& error) {
    require_corruption(error);
    references.walked = Walk::partial;
  }
  references.chunks.shrink_to_fit();
  return references;
}

PackReferences::Walk PackReferences::walk_maps(const MapsContent& maps, const std::function<void(const ChunkRef&)>& visit) {
  Walk walked = Walk::whole;
  std::uint64_t start = 0;
  for (const MapRange& range : maps.ranges) {
    if (!follow(range.map, visit)) {
      walked = Walk::partial;
    }
    const MapReferences& references = references_of(range, start);
    std::ranges::for_each(references.chunks, visit);
    walked = references.walked == Walk::partial ? Walk::partial : walked;
    start += range.length;
  }
  return walked;
}

PackReferences::Walk PackReferences::walk(const BackupId& backup, const std::function<void(const ChunkRef&)>& visit,
                                          const std::stop_token& stop) {
  Walk walked = Walk::whole;
  try {
    const ManifestTotals totals = read_manifest_totals(repository_, cluster_, backup);
    if (std::ranges::none_of(totals.packs, [this](const PackId& id) { return reaches(id); })) {
      return walked;
    }
    ManifestReader manifest(repository_, cluster_, backup);
    while (const ManifestEntry* const entry = manifest.next()) {
      throw_if_stopped(stop);
      bool good = true;
      if (entry->type != EntryType::file) {
        continue;
      }
      if (const auto* whole = std::get_if<ChunkContent>(&entry->content)) {
        good = follow(whole->chunk, visit);
      } else if (const auto* part = std::get_if<PartContent>(&entry->content)) {
        good = follow(part->chunk, visit);
      } else if (const auto* maps = std::get_if<MapsContent>(&entry->content)) {
        good = walk_maps(*maps, visit) == Walk::whole;
      }
      walked = good ? walked : Walk::partial;
    }
  } catch (const Error& error) {
    require_corruption(error);
    walked = Walk::partial;
  }
  return walked;
}

}  // namespace pgrecall
