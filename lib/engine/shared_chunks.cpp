#include "engine/shared_chunks.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/error.h"
#include "repository/relocation.h"

namespace pgrecall {

namespace {
using Targets = std::map<PackId, std::set<PackId>>;

// As readers follow them.
constexpr unsigned max_moves = 64;

// Chunks that moved may have moved again.
bool arrives(const PackId& id, const Targets& relocated, const std::function<bool(const PackId&)>& is_stored,
             unsigned moves = max_moves) {
  const auto targets = relocated.find(id);
  return moves > 0 && targets != relocated.end() && std::ranges::all_of(targets->second, [&](const PackId& target) {
           return is_stored(target) || arrives(target, relocated, is_stored, moves - 1);
         });
}

std::set<PackId> targets_of(const Repository& repository, const std::string& cluster, const PackId& id) {
  std::set<PackId> targets;
  try {
    for (const Relocation& entry : read_relocations(repository, cluster, id).value_or(std::vector<Relocation>())) {
      targets.insert(entry.pack);
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    targets = {PackId{}};  // leads nowhere: nothing is shared with it, and verify reports it
  }
  return targets;
}
}  // namespace

StoredPacks::StoredPacks(const Repository& repository, const std::string& cluster) {
  Targets relocated;
  repository.store().list(packs_prefix(cluster), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (name.kind == NameKind::pack) {
      packs_.push_back({*name.pack, object.modified});
    } else if (name.kind == NameKind::relocation) {
      relocated[*name.pack];
    }
  });
  std::sort(packs_.begin(), packs_.end(), [](const Pack& a, const Pack& b) { return a.id < b.id; });
  for (auto& [id, targets] : relocated) {
    targets = targets_of(repository, cluster, id);
    moved_to_.insert(targets.begin(), targets.end());
  }
  for (const auto& [id, targets] : relocated) {
    if (arrives(id, relocated, [this](const PackId& target) { return is_stored(target); })) {
      moved_.insert(id);
    }
  }
}

bool StoredPacks::is_stored(const PackId& id) const {
  const auto at =
      std::lower_bound(packs_.begin(), packs_.end(), id, [](const Pack& pack, const PackId& wanted) { return pack.id < wanted; });
  return at != packs_.end() && at->id == id;
}

bool StoredPacks::contains(const PackId& id) const { return is_stored(id) || moved_.contains(id); }

namespace {
bool before(const ChunkRef& a, const ChunkRef& b) noexcept { return a.digest < b.digest; }

std::optional<PackIndex> whole_pack_or_nothing(const Repository& repository, const std::string& cluster, const PackId& id) {
  try {
    return check_pack(repository, cluster, id);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return std::nullopt;
  }
}
}  // namespace

OrphanChunks::OrphanChunks(const Repository& repository, const std::string& cluster, const StoredPacks& packs, Time since) {
  for (const StoredPacks::Pack& pack : packs.all()) {
    // What was moved is found where the parent says; it is newer than any commit, and reading it all would be for nothing.
    if (pack.modified <= since || packs.holds_moved(pack.id)) {
      continue;
    }
    const auto index = whole_pack_or_nothing(repository, cluster, pack.id);
    if (!index) {
      continue;
    }
    if (chunks_.size() + index->chunks.size() > max_chunks) {
      break;
    }
    chunks_.insert(chunks_.end(), index->chunks.begin(), index->chunks.end());
  }
  std::sort(chunks_.begin(), chunks_.end(), before);
}

std::optional<ChunkRef> OrphanChunks::find(const Sha256Digest& digest, std::uint32_t raw_size) const {
  ChunkRef wanted;
  wanted.digest = digest;
  const auto at = std::lower_bound(chunks_.begin(), chunks_.end(), wanted, before);
  if (at == chunks_.end() || at->digest != digest || at->raw_size != raw_size) {
    return std::nullopt;
  }
  return *at;
}

ParentBackup::ParentBackup(const Repository& repository, std::string cluster, const BackupSummary& summary,
                           const std::string& spool_directory)
    : index_(repository, cluster, summary.id, spool_directory) {}

namespace {
ParentRange from_map(const ChunkRef& map_chunk, std::uint64_t start, std::uint64_t length, std::uint32_t slice_size,
                     ChunkReader& reader) {
  Bytes raw(map_chunk.raw_size);
  reader.read(map_chunk, raw);
  const ExtentMap map = decode_extent_map(raw, start, length, map_chunk.pack.to_string());
  ParentRange range{.map = map_chunk, .slices = std::vector<std::optional<ChunkRef>>((length + slice_size - 1) / slice_size)};
  for (const Extent& extent : flatten(map.extents)) {
    const std::uint64_t at = extent.file_offset - start;
    const ChunkRef& chunk = map.chunks[extent.chunk];
    if (at % slice_size == 0 && extent.offset_in_chunk == 0 && extent.length == chunk.raw_size) {
      range.slices[at / slice_size] = chunk;
    }
  }
  return range;
}
}  // namespace

ParentRange ParentBackup::range(const ManifestEntry& entry, std::uint64_t start, std::uint64_t length, std::uint32_t slice_size,
                                ChunkReader& reader) {
  const auto slices = static_cast<std::size_t>((length + slice_size - 1) / slice_size);
  if (const auto* whole = std::get_if<ChunkContent>(&entry.content); whole != nullptr && start == 0) {
    ParentRange range{.map = std::nullopt, .slices = std::vector<std::optional<ChunkRef>>(std::max<std::size_t>(slices, 1))};
    range.slices[0] = whole->chunk;
    return range;
  }
  if (const auto* maps = std::get_if<MapsContent>(&entry.content)) {
    std::uint64_t at = 0;
    for (const MapRange& map : maps->ranges) {
      if (at == start) {
        return from_map(map.map, at, map.length, slice_size, reader);
      }
      at += map.length;
    }
  }
  return {};
}

}  // namespace pgrecall
