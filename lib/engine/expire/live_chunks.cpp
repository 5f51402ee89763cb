#include "engine/expire/live_chunks.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"
#include "repository/relocation.h"

namespace pgrecall {

LiveChunks::LiveChunks(const Repository& repository, std::string cluster)
    : repository_(repository),
      cluster_(std::move(cluster)),
      inventory_(take_inventory(repository, cluster_)),
      packs_(repository, cluster_, inventory_.packs, findings_),
      reader_(repository, cluster_) {}

bool LiveChunks::reaches(const PackId& id, const std::set<PackId>& packs) {
  if (packs.contains(id)) {
    return true;
  }
  const auto [known, first] = reaches_.try_emplace(id, false);
  if (first && std::ranges::find(inventory_.relocated, id) != inventory_.relocated.end()) {
    const auto moved = read_relocations(repository_, cluster_, id);
    known->second = moved && std::ranges::any_of(*moved, [&](const Relocation& entry) { return reaches(entry.pack, packs); });
  }
  return known->second;
}

bool LiveChunks::concerns(const BackupId& backup, const std::set<PackId>& packs) {
  const ManifestTotals totals = read_manifest_totals(repository_, cluster_, backup);
  return std::ranges::any_of(totals.packs, [&](const PackId& id) { return reaches(id, packs); });
}

bool LiveChunks::walk(const std::vector<BackupId>& backups, const std::vector<PackId>& packs, const std::stop_token& stop) {
  const std::set<PackId> wanted(packs.begin(), packs.end());
  for (const BackupId& backup : backups) {
    try {
      if (concerns(backup, wanted)) {
        walk_backup(backup, stop);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      problem_ = error.what();
      return false;
    }
    if (damaged_) {
      const std::vector<Finding> found = findings_.take();
      problem_ = found.empty() ? "a chunk that " + backup.text + " needs is not there" : found.front().problem;
      return false;
    }
  }
  return true;
}

std::optional<VerifyPacks::Place> LiveChunks::claim(const ChunkRef& chunk, const std::string& backup) {
  auto place = packs_.locate(chunk, backup, {});
  damaged_ = damaged_ || !place;
  if (place) {
    static_cast<void>(packs_.claim(*place));
  }
  return place;
}

void LiveChunks::walk_backup(const BackupId& backup, const std::stop_token& stop) {
  ManifestReader manifest(repository_, cluster_, backup);
  while (const ManifestEntry* entry = manifest.next()) {
    throw_if_stopped(stop);
    if (entry->type != EntryType::file) {
      continue;
    }
    if (const auto* whole = std::get_if<ChunkContent>(&entry->content)) {
      static_cast<void>(claim(whole->chunk, backup.text));
    } else if (const auto* part = std::get_if<PartContent>(&entry->content)) {
      static_cast<void>(claim(part->chunk, backup.text));
    } else if (const auto* maps = std::get_if<MapsContent>(&entry->content)) {
      walk_maps(*maps, backup.text);
    }
  }
}

void LiveChunks::walk_maps(const MapsContent& maps, const std::string& backup) {
  std::uint64_t start = 0;
  for (const MapRange& range : maps.ranges) {
    const auto place = claim(range.map, backup);
    // A map that another backup shares names the same chunks.
    if (place && walked_maps_.insert((std::uint64_t{place->pack} << 32U) | place->number).second) {
      Bytes raw(place->chunk.raw_size);
      reader_.read(place->chunk, raw);
      const ExtentMap map = decode_extent_map(raw, start, range.length, pack_name(cluster_, place->chunk.pack));
      for (const ChunkRef& chunk : map.chunks) {
        static_cast<void>(claim(chunk, backup));
      }
    }
    start += range.length;
  }
}

std::optional<LiveChunks::Pack> LiveChunks::of(const PackId& id) {
  const auto at = std::ranges::lower_bound(inventory_.packs, id, {}, &VerifyInventory::Pack::id);
  if (at == inventory_.packs.end() || at->id != id) {
    return std::nullopt;
  }
  try {
    const auto index = read_pack_index(repository_, cluster_, id);
    if (!index) {
      return std::nullopt;
    }
    Pack pack{.size = index->object_size, .dead_bytes = 0, .live = {}};
    std::vector<bool> dead(index->chunks.size());
    for (const VerifyPacks::Place& each : packs_.claim_rest(static_cast<std::size_t>(at - inventory_.packs.begin()))) {
      dead[each.number] = true;
      pack.dead_bytes += each.chunk.body_size + frame_header_size;
    }
    for (std::size_t i = 0; i < dead.size(); ++i) {
      if (!dead[i]) {
        pack.live.push_back(index->chunks[i]);
      }
    }
    return pack;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    problem_ = error.what();
    return std::nullopt;
  }
}

}  // namespace pgrecall
