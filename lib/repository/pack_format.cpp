#include "repository/pack_format.h"

#include <algorithm>

#include "repository/chunk_table.h"

namespace pgrecall {

namespace {

constexpr std::string_view trailer_magic = "PGRCPEND";

template <typename T>
void append_little(Bytes& out, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  store_little<T>(bytes.data(), value);
  append_bytes(out, bytes);
}

ChunkRef decode_entry(const std::byte* at, const PackId& id) {
  ChunkRef chunk;
  chunk.pack = id;
  chunk.offset = load_little<std::uint64_t>(at);
  chunk.body_size = load_little<std::uint32_t>(at + 8);
  chunk.raw_size = load_little<std::uint32_t>(at + 12);
  std::copy_n(at + 16, chunk.digest.bytes.size(), chunk.digest.bytes.begin());
  return chunk;
}

}  // namespace

void encode_pack_index(const std::vector<ChunkRef>& chunks, Bytes& out) {
  out.reserve(out.size() + pack_index_size(chunks.size()));
  append_little<std::uint32_t>(out, static_cast<std::uint32_t>(chunks.size()));
  for (const ChunkRef& chunk : chunks) {
    append_little<std::uint64_t>(out, chunk.offset);
    append_little<std::uint32_t>(out, chunk.body_size);
    append_little<std::uint32_t>(out, chunk.raw_size);
    append_bytes(out, chunk.digest.bytes);
  }
}

std::vector<ChunkRef> decode_pack_index(ByteView payload, const PackId& id, std::uint64_t index_offset,
                                        std::string_view object_name) {
  PayloadReader reader(payload, object_name);
  const std::uint32_t count = load_little<std::uint32_t>(reader.take(4).data());
  if (count == 0 || count > max_pack_chunks || reader.left() != std::size_t{count} * pack_index_entry_size) {
    reader.fail("pack index does not have the size of its count");
  }
  std::vector<ChunkRef> chunks;
  chunks.reserve(count);
  std::uint64_t end = object_header_size;
  for (std::uint32_t i = 0; i < count; ++i) {
    const ChunkRef chunk = decode_entry(reader.take(pack_index_entry_size).data(), id);
    if (!plausible(chunk) || chunk.offset != end) {
      reader.fail("pack index leaves a gap between frames");
    }
    end += frame_header_size + chunk.body_size;
    chunks.push_back(chunk);
  }
  if (end != index_offset) {
    reader.fail("pack index leaves a gap between frames");
  }
  return chunks;
}

void write_pack_trailer(std::uint64_t index_offset, std::uint64_t object_size, MutableByteView out) {
  store_little<std::uint64_t>(out.data(), index_offset);
  store_little<std::uint64_t>(out.data() + 8, object_size);
  const ByteView magic = bytes_of(trailer_magic);
  std::copy(magic.begin(), magic.end(), out.begin() + 16);
}

std::uint64_t parse_pack_trailer(ByteView trailer, std::uint64_t object_size, std::string_view object_name) {
  const auto index_offset = load_little<std::uint64_t>(trailer.data());
  const auto stored_size = load_little<std::uint64_t>(trailer.data() + 8);
  const std::uint64_t trailer_offset = object_size - pack_trailer_size;
  if (text_of(trailer.subspan(16, 8)) != trailer_magic) {
    throw Error(ErrorKind::corruption, "pack does not end in a trailer", "run pgrecall verify to see what else is damaged")
        .with("object", object_name)
        .with("offset", trailer_offset);
  }
  if (stored_size != object_size) {
    throw Error(ErrorKind::corruption, "pack does not have the size that its trailer says",
                "run pgrecall verify to see what else is damaged")
        .with("object", object_name)
        .with("expected", stored_size)
        .with("found", object_size);
  }
  if (index_offset < object_header_size || index_offset > trailer_offset || trailer_offset - index_offset < frame_header_size) {
    throw Error(ErrorKind::corruption, "pack trailer names no place for the index",
                "run pgrecall verify to see what else is damaged")
        .with("object", object_name)
        .with("offset", trailer_offset)
        .with("found", index_offset);
  }
  return index_offset;
}

}  // namespace pgrecall
