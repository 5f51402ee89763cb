#include "engine/shared_chunks.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

StoredPacks::StoredPacks(const Repository& repository, const std::string& cluster) {
  repository.store().list(packs_prefix(cluster), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (name.kind == NameKind::pack) {
      packs_.push_back({*name.pack, object.modified});
    }
  });
  std::sort(packs_.begin(), packs_.end(), [](const Pack& a, const Pack& b) { return a.id < b.id; });
}

bool StoredPacks::contains(const PackId& id) const {
  const auto at =
      std::lower_bound(packs_.begin(), packs_.end(), id, [](const Pack& pack, const PackId& wanted) { return pack.id < wanted; });
  return at != packs_.end() && at->id == id;
}

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
    if (pack.modified <= since) {
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
