#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace pgrecall {

// The values are those of the repository format.
enum class CompressionMethod : std::uint8_t { none = 0, zstd = 1, lz4 = 2 };

[[nodiscard]] std::string_view name(CompressionMethod method) noexcept;
[[nodiscard]] std::optional<CompressionMethod> parse_compression_method(std::string_view text) noexcept;

struct Compression {
  CompressionMethod method = CompressionMethod::zstd;
  int level =
      1;  // zstd: -7 to 19, 1 adapts to what it meets; lz4: 1 is the fast compressor, 2 to 12 the slow one; none: not used
};

// What compress() made: `bytes` belongs to the Compressor (or is the input itself, for `none`) until its next call.
struct Compressed {
  CompressionMethod method = CompressionMethod::none;
  ByteView bytes;
};

// Compresses one run of bytes at a time, keeping its memory between calls. Not for use by two threads at once.
class Compressor {
 public:
  explicit Compressor(Compression compression);
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;
  ~Compressor();
  // Comes back as `none` when the result would not be smaller than the input.
  [[nodiscard]] Compressed compress(ByteView raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The reverse. Not for use by two threads at once.
class Decompressor {
 public:
  Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;
  ~Decompressor();
  // Fills `raw` exactly. False when `bytes` are not what compressing raw.size() bytes by `method` gives, whatever they are.
  [[nodiscard]] bool decompress(CompressionMethod method, ByteView bytes, MutableByteView raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgrecall
