#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repository/chunk_table.h"
#include "repository/manifest.h"

// docs/repository-format.md, "Manifests": the coding of one block, entry by entry.

namespace pgrecall {

inline constexpr std::uint8_t file_block_type = 1;
inline constexpr std::uint8_t end_block_type = 2;
inline constexpr std::size_t max_manifest_path = 4096;  // bytes of a path or a link's target, as Linux bounds them

// Gathers entries into one file block.
class FileBlockBuilder {
 public:
  // Error{failed} for an entry that a reader would refuse.
  void add(const ManifestEntry& entry);
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  // Bytes that the block takes at most.
  [[nodiscard]] std::size_t size_limit() const noexcept { return 11 + chunks_.encoded_limit() + entries_.size(); }
  // Appends the block to `out` and begins anew.
  void finish(Bytes& out);

 private:
  void add_content(const ManifestEntry& entry);

  ChunkTable chunks_;
  Bytes entries_;
  std::uint64_t count_ = 0;
  std::string last_path_;
};

// Goes through the entries of one file block; its memory is used again for the next block.
class FileBlockCursor {
 public:
  // `contents` are the payload without its type byte; both views must stay.
  void begin(ByteView contents, std::string_view object_name);
  // The next entry, valid until the next call; null after the last, when every byte was used. Error{corruption}.
  [[nodiscard]] const ManifestEntry* next();
  // The chunks that entries of this block name.
  [[nodiscard]] const std::vector<ChunkRef>& chunks() const noexcept { return chunks_; }

 private:
  void read_path();
  void read_content();
  void read_maps();
  [[nodiscard]] const ChunkRef& read_chunk();

  PayloadReader payload_{{}, {}};
  std::vector<ChunkRef> chunks_;
  std::uint64_t left_ = 0;
  ManifestEntry entry_;
};

[[nodiscard]] ManifestTotals decode_end_block(ByteView contents, std::string_view object_name);

}  // namespace pgrecall
