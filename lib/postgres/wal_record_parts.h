#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "postgres/relation_node.h"

namespace pgrecall {

// The parts of a WAL record's body: src/include/access/xlogrecord.h, and DecodeXLogRecord and RestoreBlockImage of
// src/backend/access/transam/xlogreader.c, PostgreSQL 13 to 18.

enum class WalImageCompression { none, pglz, lz4, zstd };

// A whole page as it was behind the record, without the hole between its line pointers and its tuples.
struct WalPageImage {
  ByteView bytes;
  std::uint16_t hole_offset = 0;
  std::uint16_t hole_length = 0;  // of a compressed image; of others it is what is missing
  bool has_hole = false;
  WalImageCompression compression = WalImageCompression::none;
  bool applies = false;  // replay writes it; else it is for comparing only
};

struct WalBlock {
  std::uint8_t id = 0;
  std::uint8_t fork = 0;  // 0: the relation's main fork
  RelationNode relation;
  std::uint32_t number = 0;
  std::optional<WalPageImage> image;
  ByteView data;
};

// The parts of one record's body. Views are valid as long as the body. Made once and used for many records: it is large.
class WalRecordParts {
 public:
  // Error{corruption} when the parts do not make up a body of `length` bytes. `body` may be the beginning of it: then parts that
  // lie behind are cut off.
  void parse(ByteView body, std::uint32_t length, unsigned major_version);

  [[nodiscard]] std::span<const WalBlock> blocks() const noexcept { return std::span(blocks_).first(block_count_); }
  // Null when the record has no such block.
  [[nodiscard]] const WalBlock* block(std::uint8_t id) const noexcept;
  [[nodiscard]] ByteView main_data() const noexcept { return main_data_; }

 private:
  static constexpr std::size_t max_blocks = 33;

  std::size_t block_count_ = 0;
  std::array<WalBlock, max_blocks> blocks_{};
  ByteView main_data_;
};

// Writes the page into `page`, which has the page's size. Error{corruption} when the image is none of a page of that size.
void restore_page_image(const WalPageImage& image, MutableByteView page);

// src/common/pg_lzcompress.c. Exactly out.size() bytes; false when the input is no such thing.
[[nodiscard]] bool decompress_pglz(ByteView input, MutableByteView out) noexcept;

}  // namespace pgrecall
