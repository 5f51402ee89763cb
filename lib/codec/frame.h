#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "codec/compression.h"
#include "codec/sealing.h"

// Every binary object of a repository is one object header and a run of frames. The bytes: docs/repository-format.md, "Objects
// and frames".

namespace pgrecall {

enum class ObjectKind : std::uint8_t {
  pack = 1,
  manifest = 2,
  summary = 3,
  wal_segment = 4,
  wal_tail = 5,
  timeline_history = 6,
  system = 7,
  mark = 8,
  relocation = 9,
  wal_time = 10,
  drill = 11,
  verify_ledger = 12,
};
[[nodiscard]] std::string_view name(ObjectKind kind) noexcept;

inline constexpr std::size_t object_header_size = 64;
inline constexpr std::size_t frame_header_size = 16;
inline constexpr std::uint32_t max_frame_raw_size = 16U << 20U;  // bytes; a reader refuses more before it asks for memory

using ObjectHeader = std::array<std::byte, object_header_size>;

// A new header for the object `name`; with a random salt when it is to be sealed.
[[nodiscard]] ObjectHeader make_object_header(ObjectKind kind, std::string_view object_name, bool sealed);
// Throws Error{corruption} naming the object unless the header is one of this kind, of this name, in a known version, and sealed
// as the repository is.
void check_object_header(ByteView header, ObjectKind kind, std::string_view object_name, bool sealed);

struct FrameHeader {
  std::uint32_t raw_size = 0;   // bytes before compression
  std::uint32_t body_size = 0;  // bytes that follow the header
  CompressionMethod method = CompressionMethod::none;
  bool last = false;         // of the object
  std::uint16_t check = 0;   // of the compressed bytes; 0 where a tag or the digest covers them
  std::uint32_t number = 0;  // 0, 1, 2 ... within the object
};

// Writes frames of one object. Construct one a thread and object; cheap. `data_key` null: not sealed.
class FrameWriter {
 public:
  FrameWriter(const ObjectHeader& header, const Key* data_key);

  // Bytes that a frame of `compressed_size` takes, its header included.
  [[nodiscard]] std::size_t frame_size(std::size_t compressed_size) const noexcept;
  // Writes one frame into `out`, which has exactly frame_size(compressed.bytes.size()) bytes. `digest` is of the raw bytes.
  enum class Position { inside, last };
  void write(const Compressed& compressed, std::uint32_t raw_size, const Sha256Digest& digest, std::uint32_t number,
             Position position, MutableByteView out);

 private:
  ObjectHeader header_;
  std::optional<Sealer> sealer_;
};

// Reads frames of one object. Not for use by two threads at once. Every wrong byte is an Error{corruption} with object, offset,
// expected and found.
class FrameReader {
 public:
  // `header` was checked already.
  FrameReader(std::string object_name, ByteView header, const Key* data_key);

  // Reads the 16 bytes at `offset` of the object (for messages); bounds are checked here.
  [[nodiscard]] FrameHeader parse_header(ByteView header, std::uint64_t offset) const;
  // Opens, decompresses and checks the hash. `body` has header.body_size bytes, `raw` header.raw_size. Returns the digest.
  Sha256Digest read(const FrameHeader& header, ByteView header_bytes, ByteView body, std::uint64_t offset, MutableByteView raw);

  [[nodiscard]] const std::string& object_name() const noexcept { return object_name_; }

 private:
  std::string object_name_;
  ObjectHeader header_{};
  std::optional<Sealer> sealer_;
  Decompressor decompressor_;
  Bytes opened_;
};

}  // namespace pgrecall
