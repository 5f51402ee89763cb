#include "repository/chunk_table.h"

#include <algorithm>

#include "codec/frame.h"

namespace pgrecall {

namespace {

constexpr std::size_t digest_size = 32;
constexpr std::size_t pack_id_size = 16;
constexpr std::size_t least_chunk_size = 4 + digest_size;  // four varints and the digest

}  // namespace

bool plausible(const ChunkRef& chunk) noexcept {
  return chunk.raw_size <= max_frame_raw_size && chunk.body_size >= digest_size &&
         chunk.body_size <= chunk.raw_size + digest_size + seal_overhead && chunk.offset >= object_header_size &&
         chunk.offset <= (1ULL << 62U);
}

void append_chunk_table(Bytes& out, const std::vector<ChunkRef>& chunks) {
  std::unordered_map<PackId, std::size_t, PackIdHash> numbers;
  std::vector<const PackId*> packs;
  for (const ChunkRef& chunk : chunks) {
    if (numbers.try_emplace(chunk.pack, packs.size()).second) {
      packs.push_back(&chunk.pack);
    }
  }
  append_varint(out, packs.size());
  for (const PackId* pack : packs) {
    append_bytes(out, pack->bytes);
  }
  append_varint(out, chunks.size());
  for (const ChunkRef& chunk : chunks) {
    append_varint(out, numbers.find(chunk.pack)->second);
    append_varint(out, chunk.offset);
    append_varint(out, chunk.body_size);
    append_varint(out, chunk.raw_size);
    append_bytes(out, chunk.digest.bytes);
  }
}

void read_chunk_table(PayloadReader& payload, std::vector<ChunkRef>& chunks) {
  const std::size_t pack_count = payload.count(pack_id_size);
  const ByteView packs = payload.take(pack_count * pack_id_size);
  const std::size_t chunk_count = payload.count(least_chunk_size);
  chunks.clear();
  chunks.reserve(chunk_count);
  for (std::size_t i = 0; i < chunk_count; ++i) {
    const std::uint64_t pack = payload.varint();
    if (pack >= pack_count) {
      payload.fail("chunk names a pack that is not in the table");
    }
    ChunkRef chunk;
    const ByteView id = packs.subspan(static_cast<std::size_t>(pack) * pack_id_size, pack_id_size);
    std::copy(id.begin(), id.end(), chunk.pack.bytes.begin());
    chunk.offset = payload.varint();
    chunk.body_size = static_cast<std::uint32_t>(payload.varint_up_to(UINT32_MAX, "body size of a chunk is out of range"));
    chunk.raw_size = static_cast<std::uint32_t>(payload.varint_up_to(max_frame_raw_size, "raw size of a chunk is out of range"));
    const ByteView digest = payload.take(digest_size);
    std::copy(digest.begin(), digest.end(), chunk.digest.bytes.begin());
    if (!plausible(chunk)) {
      payload.fail("sizes of a chunk cannot be");
    }
    chunks.push_back(chunk);
  }
}

std::uint32_t ChunkTable::index_of(const ChunkRef& chunk) {
  // Neighbouring small files lie in the same chunk: most questions are about the last one.
  if (!chunks_.empty() && chunks_.back() == chunk) {
    return static_cast<std::uint32_t>(chunks_.size() - 1);
  }
  const auto [at, inserted] = numbers_.try_emplace(chunk, static_cast<std::uint32_t>(chunks_.size()));
  if (inserted) {
    chunks_.push_back(chunk);
  }
  return at->second;
}

void ChunkTable::clear() {
  chunks_.clear();
  numbers_.clear();
}

}  // namespace pgrecall
