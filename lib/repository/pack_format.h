#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "codec/frame.h"
#include "repository/chunk.h"

// docs/repository-format.md, "Packs": index and trailer.

namespace pgrecall {

inline constexpr std::size_t max_pack_chunks = 262'144;
inline constexpr std::size_t pack_index_entry_size = 48;
inline constexpr std::size_t pack_trailer_size = 24;

[[nodiscard]] constexpr std::size_t pack_index_size(std::size_t chunks) noexcept { return 4 + chunks * pack_index_entry_size; }

// Appends to `out`.
void encode_pack_index(const std::vector<ChunkRef>& chunks, Bytes& out);
// Error{corruption} naming the pack unless the frames follow each other without a gap from the object's header to `index_offset`.
[[nodiscard]] std::vector<ChunkRef> decode_pack_index(ByteView payload, const PackId& id, std::uint64_t index_offset,
                                                      std::string_view object_name);

void write_pack_trailer(std::uint64_t index_offset, std::uint64_t object_size, MutableByteView out);
// The offset of the index frame. Error{corruption} unless the trailer is that of an object of this size.
[[nodiscard]] std::uint64_t parse_pack_trailer(ByteView trailer, std::uint64_t object_size, std::string_view object_name);

}  // namespace pgrecall
