#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "repository/names.h"

namespace pgrecall {

// Where one chunk is. docs/repository-format.md, "Packs".
struct ChunkRef {
  PackId pack;
  std::uint64_t offset = 0;     // of the chunk's frame in the pack
  std::uint32_t body_size = 0;  // of the frame
  std::uint32_t raw_size = 0;   // bytes of the chunk
  Sha256Digest digest;          // of the raw bytes

  auto operator<=>(const ChunkRef&) const = default;
};

// A run of one file's bytes found in one chunk. docs/repository-format.md, "Extent maps".
struct Extent {
  std::uint64_t file_offset = 0;
  std::uint32_t length = 0;
  std::uint32_t chunk = 0;  // index into the chunk list of the map
  std::uint32_t offset_in_chunk = 0;

  auto operator<=>(const Extent&) const = default;
};

// The places of a range of one file. Later extents lie over earlier ones; bytes under none are zeros.
struct ExtentMap {
  std::vector<ChunkRef> chunks;
  std::vector<Extent> extents;
};

// `range_start` is the file offset at which the map's range begins. Extents may be any, in any order of laying.
[[nodiscard]] Bytes encode_extent_map(const ExtentMap& map, std::uint64_t range_start);
// Error{corruption} unless the bytes are a map whose extents lie within [range_start, range_start + range_length) and within
// their chunks.
[[nodiscard]] ExtentMap decode_extent_map(ByteView bytes, std::uint64_t range_start, std::uint64_t range_length,
                                          std::string_view object_name);

// What remains visible of a map: extents in order of file offset that do not overlap; what they leave open is zeros.
[[nodiscard]] std::vector<Extent> flatten(const std::vector<Extent>& laid);

}  // namespace pgrecall
