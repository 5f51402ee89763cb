#pragma once

#include <unordered_map>
#include <vector>

#include "repository/chunk.h"
#include "repository/varint.h"

// docs/repository-format.md, "Packs": the chunk table of a payload.

namespace pgrecall {

// Appends the table of these chunks, in this order.
void append_chunk_table(Bytes& out, const std::vector<ChunkRef>& chunks);
// Fills `chunks` (its memory is used again). Throws Error{corruption}.
void read_chunk_table(PayloadReader& payload, std::vector<ChunkRef>& chunks);
// Whether sizes and offset are such as a chunk can have.
[[nodiscard]] bool plausible(const ChunkRef& chunk) noexcept;

struct PackIdHash {
  [[nodiscard]] std::size_t operator()(const PackId& id) const noexcept { return load_little<std::uint64_t>(id.bytes.data()); }
};
struct ChunkRefHash {
  [[nodiscard]] std::size_t operator()(const ChunkRef& chunk) const noexcept {
    return load_little<std::uint64_t>(chunk.digest.bytes.data()) ^ (chunk.offset * 0x9E3779B97F4A7C15U) ^
           PackIdHash {}(chunk.pack);
  }
};

// Numbers chunks in the order of their first use.
class ChunkTable {
 public:
  [[nodiscard]] std::uint32_t index_of(const ChunkRef& chunk);
  [[nodiscard]] const std::vector<ChunkRef>& chunks() const noexcept { return chunks_; }
  // Bytes that append_chunk_table() takes at most.
  [[nodiscard]] std::size_t encoded_limit() const noexcept { return 20 + chunks_.size() * (16 + 60); }
  void clear();

 private:
  std::vector<ChunkRef> chunks_;
  std::unordered_map<ChunkRef, std::uint32_t, ChunkRefHash> numbers_;
};

}  // namespace pgrecall
