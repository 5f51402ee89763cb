#include "engine/undo/backup_file.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {

void give_zeros(std::uint64_t count, const std::function<void(ByteView)>& sink) {
  const Bytes zeros(static_cast<std::size_t>(std::min<std::uint64_t>(count, 64U << 10U)));
  for (; count > 0; count -= std::min<std::uint64_t>(count, zeros.size())) {
    sink(ByteView(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, zeros.size()))));
  }
}

}  // namespace

ByteView BackupFileReader::chunk(const ChunkRef& ref) {
  if (bytes_.empty() || held_ != ref) {
    bytes_.clear();
    bytes_.resize(ref.raw_size);
    try {
      chunks_.read(ref, bytes_);
    } catch (...) {
      bytes_.clear();  // not what it would be taken for
      throw;
    }
    held_ = ref;
  }
  return bytes_;
}

void BackupFileReader::read_range(const MapRange& range, std::uint64_t start, const std::function<void(ByteView)>& sink) {
  const ExtentMap map = decode_extent_map(chunk(range.map), start, range.length, pack_name(cluster_, range.map.pack));
  std::uint64_t at = start;
  for (const Extent& extent : flatten(map.extents)) {
    give_zeros(extent.file_offset - at, sink);
    sink(chunk(map.chunks[extent.chunk]).subspan(extent.offset_in_chunk, extent.length));
    at = extent.file_offset + extent.length;
  }
  give_zeros(start + range.length - at, sink);
}

void BackupFileReader::read(const ManifestEntry& entry, const std::function<void(ByteView)>& sink) {
  if (const auto* part = std::get_if<PartContent>(&entry.content)) {
    const ByteView bytes = chunk(part->chunk).subspan(part->offset, static_cast<std::size_t>(entry.size));
    if (sha256(bytes) != part->digest) {
      throw Error(ErrorKind::corruption, "a file's bytes are not what was backed up")
          .with("file", entry.path)
          .with("object", pack_name(cluster_, part->chunk.pack));
    }
    sink(bytes);
  } else if (const auto* whole = std::get_if<ChunkContent>(&entry.content)) {
    sink(chunk(whole->chunk));
  } else if (const auto* maps = std::get_if<MapsContent>(&entry.content)) {
    std::uint64_t start = 0;
    for (const MapRange& range : maps->ranges) {
      read_range(range, start, sink);
      start += range.length;
    }
  } else {
    give_zeros(entry.size, sink);
  }
}

}  // namespace pgrecall
