#include "postgres/wal_record_parts.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"

namespace pgrecall {

namespace {

// The ids that begin a part; lower ones are block references.
constexpr std::uint8_t highest_block_id = 32;
constexpr std::uint8_t top_transaction_part = 252;
constexpr std::uint8_t origin_part = 253;
constexpr std::uint8_t long_main_part = 254;
constexpr std::uint8_t short_main_part = 255;

constexpr std::uint8_t fork_bits = 0x0F;
constexpr std::uint8_t with_image = 0x10;
constexpr std::uint8_t of_same_relation = 0x80;

constexpr std::uint8_t with_hole = 0x01;
constexpr std::uint8_t pglz_until_14 = 0x02;
constexpr std::uint8_t applies_until_14 = 0x04;
constexpr std::uint8_t applies_from_15 = 0x02;
constexpr std::uint8_t pglz_from_15 = 0x04;
constexpr std::uint8_t lz4_from_15 = 0x08;
constexpr std::uint8_t zstd_from_15 = 0x10;

Error no_record(std::string_view what) { return Error(ErrorKind::corruption, "WAL record with " + std::string(what)); }

// Fields one after the other, never read beyond the end.
class Parts {
 public:
  explicit Parts(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
  T next() {
    if (bytes_.size() - at_ < sizeof(T)) {
      throw no_record("block references that run over its end");
    }
    const auto value = load_little<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  [[nodiscard]] std::size_t offset() const { return at_; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

WalImageCompression compression_of(std::uint8_t info, unsigned major_version) {
  if (major_version < 15) {
    return (info & pglz_until_14) != 0 ? WalImageCompression::pglz : WalImageCompression::none;
  }
  if ((info & pglz_from_15) != 0) {
    return WalImageCompression::pglz;
  }
  if ((info & lz4_from_15) != 0) {
    return WalImageCompression::lz4;
  }
  return (info & zstd_from_15) != 0 ? WalImageCompression::zstd : WalImageCompression::none;
}

// What the reference says of the image; its length is returned.
std::uint16_t read_image(Parts& parts, unsigned major_version, WalPageImage& image) {
  const auto length = parts.next<std::uint16_t>();
  image.hole_offset = parts.next<std::uint16_t>();
  const auto info = parts.next<std::uint8_t>();
  image.applies = (info & (major_version < 15 ? applies_until_14 : applies_from_15)) != 0;
  image.compression = compression_of(info, major_version);
  image.has_hole = (info & with_hole) != 0;
  image.hole_length = image.has_hole && image.compression != WalImageCompression::none ? parts.next<std::uint16_t>() : 0;
  return length;
}

struct AnnouncedBytes {
  std::uint16_t image = 0;
  std::uint16_t data = 0;
};

// A block reference whose id was read; null `before` for the first. What it announces is returned.
AnnouncedBytes read_reference(Parts& parts, unsigned major_version, const WalBlock* before, WalBlock& block) {
  const auto flags = parts.next<std::uint8_t>();
  block.fork = flags & fork_bits;
  AnnouncedBytes announced{.image = 0, .data = parts.next<std::uint16_t>()};
  block.image.reset();
  if ((flags & with_image) != 0) {
    announced.image = read_image(parts, major_version, block.image.emplace());
  }
  if ((flags & of_same_relation) == 0) {
    block.relation.tablespace = parts.next<std::uint32_t>();
    block.relation.database = parts.next<std::uint32_t>();
    block.relation.node = parts.next<std::uint32_t>();
  } else if (before != nullptr) {
    block.relation = before->relation;
  } else {
    throw no_record("a first block that is of the same relation as the one before");
  }
  block.number = parts.next<std::uint32_t>();
  return announced;
}

// At most `length` bytes of `rest`, which lose them.
ByteView cut_off(ByteView& rest, std::size_t length) {
  const ByteView part = rest.first(std::min(rest.size(), length));
  rest = rest.subspan(part.size());
  return part;
}

}  // namespace

void WalRecordParts::parse(ByteView body, std::uint32_t length, unsigned major_version) {
  block_count_ = 0;
  main_data_ = {};
  Parts parts(body);
  std::array<AnnouncedBytes, max_blocks> announced;
  std::uint64_t data_length = 0;  // of all that was announced
  std::uint32_t main_length = 0;
  bool main_seen = false;
  while (!main_seen && length - parts.offset() > data_length) {
    const auto id = parts.next<std::uint8_t>();
    const WalBlock* before = block_count_ == 0 ? nullptr : &blocks_[block_count_ - 1];
    if (id == short_main_part || id == long_main_part) {
      main_length = id == short_main_part ? parts.next<std::uint8_t>() : parts.next<std::uint32_t>();
      data_length += main_length;
      main_seen = true;
    } else if (id == origin_part) {
      parts.next<std::uint16_t>();
    } else if (id == top_transaction_part) {
      parts.next<std::uint32_t>();
    } else if (id <= highest_block_id && (before == nullptr || id > before->id)) {
      blocks_[block_count_].id = id;
      announced[block_count_] = read_reference(parts, major_version, before, blocks_[block_count_]);
      data_length += announced[block_count_].image;
      data_length += announced[block_count_].data;
      ++block_count_;
    } else {
      throw no_record("a part that is none");
    }
  }
  if (length - parts.offset() != data_length) {
    throw no_record("parts that are not as long as it");
  }
  ByteView rest = body.subspan(parts.offset());
  for (std::size_t i = 0; i < block_count_; ++i) {
    if (blocks_[i].image) {
      blocks_[i].image->bytes = cut_off(rest, announced[i].image);
    }
    blocks_[i].data = cut_off(rest, announced[i].data);
  }
  main_data_ = cut_off(rest, main_length);
}

const WalBlock* WalRecordParts::block(std::uint8_t id) const noexcept {
  const auto there = blocks();
  const auto found = std::ranges::find(there, id, &WalBlock::id);
  return found == there.end() ? nullptr : &*found;
}

bool decompress_pglz(ByteView input, MutableByteView out) noexcept {
  std::size_t at = 0;
  std::size_t filled = 0;
  while (at < input.size() && filled < out.size()) {
    auto control = std::to_integer<unsigned>(input[at++]);
    for (int bit = 0; bit < 8 && at < input.size() && filled < out.size(); ++bit, control >>= 1U) {
      if ((control & 1U) == 0) {
        out[filled++] = input[at++];
        continue;
      }
      if (input.size() - at < 2) {
        return false;
      }
      const auto first = std::to_integer<std::size_t>(input[at]);
      const std::size_t back = ((first & 0xF0U) << 4U) | std::to_integer<std::size_t>(input[at + 1]);
      std::size_t length = (first & 0x0FU) + 3;
      at += 2;
      if (length == 18) {
        if (at == input.size()) {
          return false;
        }
        length += std::to_integer<std::size_t>(input[at++]);
      }
      if (back == 0 || back > filled) {
        return false;
      }
      for (length = std::min(length, out.size() - filled); length > 0; --length, ++filled) {
        out[filled] = out[filled - back];  // may overlap what it makes
      }
    }
  }
  return filled == out.size() && at == input.size();
}

namespace {

bool decompress(const WalPageImage& image, MutableByteView out) {
  switch (image.compression) {
    case WalImageCompression::none:
      if (image.bytes.size() == out.size()) {
        std::ranges::copy(image.bytes, out.begin());
      }
      return image.bytes.size() == out.size();
    case WalImageCompression::pglz: return decompress_pglz(image.bytes, out);
    case WalImageCompression::lz4:
      return LZ4_decompress_safe(reinterpret_cast<const char*>(image.bytes.data()), reinterpret_cast<char*>(out.data()),
                                 static_cast<int>(image.bytes.size()),
                                 static_cast<int>(out.size())) == static_cast<int>(out.size());
    case WalImageCompression::zstd:
      return ZSTD_decompress(out.data(), out.size(), image.bytes.data(), image.bytes.size()) == out.size();
  }
  return false;
}

}  // namespace

void restore_page_image(const WalPageImage& image, MutableByteView page) {
  std::size_t hole = image.hole_length;
  if (image.has_hole && image.compression == WalImageCompression::none && image.bytes.size() <= page.size()) {
    hole = page.size() - image.bytes.size();
  }
  const std::size_t hole_end = image.hole_offset + hole;
  if (hole_end > page.size() || !decompress(image, page.first(page.size() - hole))) {
    throw Error(ErrorKind::corruption, "WAL record with a page image that is none").with("bytes", image.bytes.size());
  }
  if (hole != 0) {
    std::memmove(page.data() + hole_end, page.data() + image.hole_offset, page.size() - hole_end);
    std::ranges::fill(page.subspan(image.hole_offset, hole), std::byte{0});
  }
}

}  // namespace pgrecall
