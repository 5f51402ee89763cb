#include "codec/compression.h"

#include <lz4.h>
#include <lz4hc.h>
// For ZSTD_c_literalCompressionMode, which the shared library has since 1.4 and its header calls experimental.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <string>

#include "base/error.h"

namespace pgrecall {

namespace {

struct FreeZstdCompression {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
struct FreeZstdDecompression {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

using ZstdCompression = std::unique_ptr<ZSTD_CCtx, FreeZstdCompression>;

constexpr std::size_t sample_size = 8U << 10U;  // bytes
constexpr int skipping_step = 128;              // bytes that the search for repetitions passes over at a time

ZstdCompression make_zstd(std::initializer_list<std::pair<ZSTD_cParameter, int>> parameters) {
  ZstdCompression context(ZSTD_createCCtx());
  for (const auto& [parameter, value] : parameters) {
    if (!context || ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), parameter, value)) != 0) {
      throw Error(ErrorKind::failed, "cannot set up zstd").with("parameter", static_cast<unsigned long long>(parameter));
    }
  }
  return context;
}

// Memory that only grows and is never zeroed.
class Scratch {
 public:
  [[nodiscard]] std::byte* at_least(std::size_t size) {
    if (size > capacity_) {
      data_ = std::make_unique_for_overwrite<std::byte[]>(size);
      capacity_ = size;
    }
    return data_.get();
  }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
};

char* chars(std::byte* at) { return reinterpret_cast<char*>(at); }
const char* chars(const std::byte* at) { return reinterpret_cast<const char*>(at); }

void check_level(Compression compression) {
  const bool known = compression.method == CompressionMethod::none ||
                     (compression.method == CompressionMethod::zstd && compression.level >= -7 && compression.level <= 19) ||
                     (compression.method == CompressionMethod::lz4 && compression.level >= 1 && compression.level <= 12);
  if (!known) {
    throw Error(ErrorKind::usage, "no such compression level", "zstd has levels -7 to 19, lz4 has 1 to 12")
        .with("method", name(compression.method))
        .with("level", std::to_string(compression.level));
  }
}

}  // namespace

std::string_view name(CompressionMethod method) noexcept {
  switch (method) {
    case CompressionMethod::none: return "none";
    case CompressionMethod::zstd: return "zstd";
    case CompressionMethod::lz4: return "lz4";
  }
  return "unknown";
}

std::optional<CompressionMethod> parse_compression_method(std::string_view text) noexcept {
  for (const auto method : {CompressionMethod::none, CompressionMethod::zstd, CompressionMethod::lz4}) {
    if (text == name(method)) {
      return method;
    }
  }
  return std::nullopt;
}

struct Compressor::State {
  explicit State(Compression wanted) : compression(wanted) {
    check_level(wanted);
    if (wanted.method == CompressionMethod::zstd) {
      prepare_zstd();
    } else if (wanted.method == CompressionMethod::lz4) {
      lz4_state = std::make_unique<std::byte[]>(
          static_cast<std::size_t>(std::max(LZ4_sizeofState(), wanted.level > 1 ? LZ4_sizeofStateHC() : 0)));
    }
  }

  void prepare_zstd() {
    zstd = make_zstd({{ZSTD_c_compressionLevel, compression.level}});
    if (compression.level == 1) {
      skipping_zstd = make_zstd(
          {{ZSTD_c_compressionLevel, 1}, {ZSTD_c_targetLength, skipping_step}, {ZSTD_c_literalCompressionMode, ZSTD_ps_enable}});
    }
  }

  // Level 1 looks for repetitions that much of a database does not have: hashes, keys, hexadecimal and base64 text only shrink
  // because their bytes are not evenly spread. Where a sample says so (in which both ways are some percent apart, for it has
  // fewer letters to learn from), looking is all but left out, which takes 0.6 of the time and costs 4% of size.
  [[nodiscard]] ZSTD_CCtx* zstd_for(ByteView raw, std::byte* out, std::size_t capacity) {
    if (!skipping_zstd || raw.size() < 32 * sample_size) {
      return zstd.get();
    }
    const ByteView sample = raw.subspan(raw.size() / 2, sample_size);
    const std::size_t searched = ZSTD_compress2(zstd.get(), out, capacity, sample.data(), sample.size());
    const std::size_t skipped = ZSTD_compress2(skipping_zstd.get(), out, capacity, sample.data(), sample.size());
    return skipped <= searched + searched / 10 ? skipping_zstd.get() : zstd.get();
  }

  // Bytes written to `out`; 0 when that did not work, which is for the caller the same as "not smaller".
  std::size_t run(ByteView raw, std::byte* out, std::size_t capacity) {
    if (compression.method == CompressionMethod::zstd) {
      const std::size_t size = ZSTD_compress2(zstd_for(raw, out, capacity), out, capacity, raw.data(), raw.size());
      return ZSTD_isError(size) != 0 ? 0 : size;
    }
    const int size = static_cast<int>(raw.size());
    const int room = static_cast<int>(capacity);
    const int written =
        compression.level <= 1
            ? LZ4_compress_fast_extState(lz4_state.get(), chars(raw.data()), chars(out), size, room, 1)
            : LZ4_compress_HC_extStateHC(lz4_state.get(), chars(raw.data()), chars(out), size, room, compression.level);
    return static_cast<std::size_t>(std::max(written, 0));
  }

  Compression compression;
  ZstdCompression zstd;
  ZstdCompression skipping_zstd;  // of level 1 only
  std::unique_ptr<std::byte[]> lz4_state;
  Scratch scratch;
};

Compressor::Compressor(Compression compression) : state_(std::make_unique<State>(compression)) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

Compressed Compressor::compress(ByteView raw) {
  const Compressed as_is{CompressionMethod::none, raw};
  if (state_->compression.method == CompressionMethod::none || raw.empty() ||
      raw.size() > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE)) {
    return as_is;
  }
  const bool zstd = state_->compression.method == CompressionMethod::zstd;
  // The full bound, though more than raw.size() is never kept: with room to spare both libraries skip checks.
  const std::size_t bound =
      zstd ? ZSTD_compressBound(raw.size()) : static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(raw.size())));
  std::byte* out = state_->scratch.at_least(bound);
  const std::size_t size = state_->run(raw, out, bound);
  if (size == 0 || size >= raw.size()) {
    return as_is;
  }
  return {state_->compression.method, {out, size}};
}

struct Decompressor::State {
  std::unique_ptr<ZSTD_DCtx, FreeZstdDecompression> zstd;
};

Decompressor::Decompressor() : state_(std::make_unique<State>()) {}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

namespace {

bool decompress_zstd(std::unique_ptr<ZSTD_DCtx, FreeZstdDecompression>& context, ByteView bytes, MutableByteView raw) {
  if (!context) {
    context.reset(ZSTD_createDCtx());
    if (!context) {
      throw Error(ErrorKind::failed, "cannot set up zstd");
    }
  }
  // zstd reads any number of frames, skippable ones too; the format has exactly one.
  if (ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) != bytes.size()) {
    return false;
  }
  // An error code is larger than any size.
  return ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), bytes.data(), bytes.size()) == raw.size();
}

bool decompress_lz4(ByteView bytes, MutableByteView raw) {
  if (bytes.size() > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE) || raw.size() > static_cast<std::size_t>(LZ4_MAX_INPUT_SIZE)) {
    return false;
  }
  const int size = static_cast<int>(raw.size());
  return LZ4_decompress_safe(chars(bytes.data()), chars(raw.data()), static_cast<int>(bytes.size()), size) == size;
}

}  // namespace

bool Decompressor::decompress(CompressionMethod method, ByteView bytes, MutableByteView raw) {
  switch (method) {
    case CompressionMethod::none:
      if (bytes.size() != raw.size()) {
        return false;
      }
      std::copy(bytes.begin(), bytes.end(), raw.begin());
      return true;
    case CompressionMethod::zstd: return decompress_zstd(state_->zstd, bytes, raw);
    case CompressionMethod::lz4: return decompress_lz4(bytes, raw);
  }
  return false;
}

}  // namespace pgrecall
