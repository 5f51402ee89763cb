#include "engine/large_file.h"

#include <algorithm>

namespace pgrecall {

LargeFile::LargeFile(ManifestEntry entry, std::optional<ManifestEntry> parent, std::uint32_t slice_size)
    : entry_(std::move(entry)),
      parent_(std::move(parent)),
      slice_size_(slice_size),
      slices_per_range_(range_size / slice_size),
      ranges_(static_cast<std::size_t>((entry_.size + range_size - 1) / range_size)),
      maps_(ranges_.size()) {
  std::uint64_t left = entry_.size;
  for (Range& range : ranges_) {
    range.length = std::min(left, range_size);
    left -= range.length;
  }
}

std::optional<ChunkRef> LargeFile::parent_chunk(std::uint64_t slice, ChunkReader& reader) {
  if (!parent_) {
    return std::nullopt;
  }
  Range& range = range_of(slice);
  const std::uint64_t start = slice / slices_per_range_ * range_size;
  std::call_once(range.parent_loaded,
                 [&] { range.parent = ParentBackup::range(*parent_, start, range.length, slice_size_, reader); });
  const auto index = static_cast<std::size_t>(slice % slices_per_range_);
  return index < range.parent.slices.size() ? range.parent.slices[index] : std::nullopt;
}

std::optional<LargeFile::CompleteRange> LargeFile::place(std::uint64_t slice, const std::optional<ChunkRef>& chunk) {
  const std::lock_guard lock(mutex_);
  Range& range = range_of(slice);
  if (range.slices.empty()) {
    range.slices.resize(static_cast<std::size_t>((range.length + slice_size_ - 1) / slice_size_));
  }
  range.slices[static_cast<std::size_t>(slice % slices_per_range_)] = chunk;
  if (++range.placed < range.slices.size()) {
    return std::nullopt;
  }
  const auto number = static_cast<std::size_t>(slice / slices_per_range_);
  CompleteRange complete{
      .number = number, .start = number * range_size, .length = range.length, .map = {}, .parent_map = range.parent.map};
  for (std::size_t i = 0; i < range.slices.size(); ++i) {
    if (range.slices[i]) {
      complete.map.extents.push_back({complete.start + i * slice_size_, range.slices[i]->raw_size,
                                      static_cast<std::uint32_t>(complete.map.chunks.size()), 0});
      complete.map.chunks.push_back(*range.slices[i]);
    }
  }
  std::vector<std::optional<ChunkRef>>().swap(range.slices);
  range.parent = {};
  return complete;
}

std::optional<ManifestEntry> LargeFile::place_map(const CompleteRange& range, const std::optional<ChunkRef>& map) {
  const std::lock_guard lock(mutex_);
  if (map) {
    maps_[range.number] = {*map, range.length};
  }
  if (++maps_placed_ < maps_.size()) {
    return std::nullopt;
  }
  if (!single()) {
    entry_.content = MapsContent{maps_};
  } else if (range.map.chunks.empty()) {
    entry_.content = ZeroContent{};
  } else {
    entry_.content = ChunkContent{range.map.chunks.front()};
  }
  return entry_;
}

}  // namespace pgrecall
