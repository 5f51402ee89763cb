#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/shared_chunks.h"
#include "repository/manifest.h"

namespace pgrecall {

// A file under way through the pipeline: gathers where its slices went, in whatever order the workers finish them.
// Safe for many threads. A range of the file (256 MiB) is complete when all its slices are; its extent map is then written and
// its memory freed.
class LargeFile {
 public:
  static constexpr std::uint64_t range_size = 256ULL << 20U;  // bytes

  // `slice_size` divides range_size. `parent` is the same file in the parent backup.
  LargeFile(ManifestEntry entry, std::optional<ManifestEntry> parent, std::uint32_t slice_size);

  [[nodiscard]] const ManifestEntry& entry() const noexcept { return entry_; }
  // True when the file is one slice, and so is stored as a whole chunk without a map.
  [[nodiscard]] bool single() const noexcept { return entry_.size <= slice_size_; }

  // What the parent has at that slice. Loads the parent's extent map the first time that a range is touched.
  [[nodiscard]] std::optional<ChunkRef> parent_chunk(std::uint64_t slice, ChunkReader& reader);

  // A range whose last slice was just placed.
  struct CompleteRange {
    std::size_t number = 0;
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    ExtentMap map;
    std::optional<ChunkRef> parent_map;
  };
  // `chunk` is nothing for a slice of zeros. Returns the range when this was its last slice.
  [[nodiscard]] std::optional<CompleteRange> place(std::uint64_t slice, const std::optional<ChunkRef>& chunk);
  // Enters where the map of a complete range is. Returns the file's entry when this was its last range.
  [[nodiscard]] std::optional<ManifestEntry> place_map(const CompleteRange& range, const std::optional<ChunkRef>& map);

 private:
  struct Range {
    std::once_flag parent_loaded;
    ParentRange parent;
    std::vector<std::optional<ChunkRef>> slices;
    std::size_t placed = 0;
    std::uint64_t length = 0;
  };

  [[nodiscard]] Range& range_of(std::uint64_t slice) { return ranges_[slice / slices_per_range_]; }

  ManifestEntry entry_;
  const std::optional<ManifestEntry> parent_;
  const std::uint32_t slice_size_;
  const std::uint64_t slices_per_range_;
  std::mutex mutex_;
  std::vector<Range> ranges_;
  std::vector<MapRange> maps_;
  std::size_t maps_placed_ = 0;
};

}  // namespace pgrecall
