#include "codec/compression.h"

#include <zstd.h>

#include "fixture.h"

namespace compression_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

// Text-like: every method shrinks it.
Bytes compressible(std::size_t size) {
  Bytes bytes = random_bytes(size, 7);
  for (std::byte& byte : bytes) {
    byte &= std::byte{0x07};
  }
  std::copy_n(bytes.begin(), size / 2, bytes.begin() + static_cast<std::ptrdiff_t>(size - size / 2));
  return bytes;
}

Bytes kept(const Compressed& compressed) { return {compressed.bytes.begin(), compressed.bytes.end()}; }

}  // namespace

TEST_CASE("Every method and level gives back what it was given, call after call") {
  const auto compression = GENERATE(Compression{CompressionMethod::zstd, -7}, Compression{CompressionMethod::zstd, 1},
                                    Compression{CompressionMethod::zstd, 19}, Compression{CompressionMethod::lz4, 1},
                                    Compression{CompressionMethod::lz4, 2}, Compression{CompressionMethod::lz4, 12});
  Compressor compressor(compression);
  Decompressor decompressor;
  // Sizes go up and down, so that memory of an earlier call would show.
  for (const std::size_t size : {100'000U, 1'000U, 300'000U, 64U, 1'048'576U}) {
    const Bytes raw = compressible(size);
    const Compressed compressed = compressor.compress(raw);
    REQUIRE(compressed.method == compression.method);
    REQUIRE(compressed.bytes.size() < raw.size());
    Bytes back(size);
    REQUIRE(decompressor.decompress(compressed.method, compressed.bytes, back));
    REQUIRE(back == raw);
  }
}

TEST_CASE("What does not shrink comes back as it is, without a copy") {
  const auto method = GENERATE(CompressionMethod::zstd, CompressionMethod::lz4, CompressionMethod::none);
  Compressor compressor({method, 1});
  const Bytes raw = random_bytes(10'000, 1);
  const Compressed compressed = compressor.compress(raw);
  CHECK(compressed.method == CompressionMethod::none);
  CHECK(compressed.bytes.data() == raw.data());
  CHECK(compressed.bytes.size() == raw.size());
  CHECK(compressor.compress({}).method == CompressionMethod::none);
}

TEST_CASE("Method none never compresses") {
  Compressor compressor({CompressionMethod::none, 1});
  CHECK(compressor.compress(compressible(1000)).method == CompressionMethod::none);
}

TEST_CASE("A higher level is in use when it was asked for") {
  const Bytes raw = compressible(200'000);
  for (const auto& [low, high] : {std::pair(Compression{CompressionMethod::zstd, -7}, Compression{CompressionMethod::zstd, 9}),
                                  std::pair(Compression{CompressionMethod::lz4, 1}, Compression{CompressionMethod::lz4, 12})}) {
    CHECK(Compressor(high).compress(raw).bytes.size() < Compressor(low).compress(raw).bytes.size());
  }
}

TEST_CASE("Levels that do not exist are refused") {
  const auto compression = GENERATE(Compression{CompressionMethod::zstd, -8}, Compression{CompressionMethod::zstd, 20},
                                    Compression{CompressionMethod::lz4, 0}, Compression{CompressionMethod::lz4, 13});
  CHECK(error_of([&] { Compressor{compression}; }).kind() == ErrorKind::usage);
}

TEST_CASE("Decompressing takes exactly one frame of exactly the size") {
  const auto method = GENERATE(CompressionMethod::zstd, CompressionMethod::lz4);
  const Bytes raw = compressible(5000);
  Compressor compressor({method, 1});
  const Bytes compressed = kept(compressor.compress(raw));
  Decompressor decompressor;
  Bytes back(raw.size());
  REQUIRE(decompressor.decompress(method, compressed, back));

  SECTION("shorter and longer outputs") {
    Bytes shorter(raw.size() - 1);
    CHECK_FALSE(decompressor.decompress(method, compressed, shorter));
    Bytes longer(raw.size() + 1);
    CHECK_FALSE(decompressor.decompress(method, compressed, longer));
  }
  SECTION("every truncation") {
    for (std::size_t size = 0; size < compressed.size(); ++size) {
      REQUIRE_FALSE(decompressor.decompress(method, ByteView(compressed).first(size), back));
    }
  }
  SECTION("bytes behind the end") {
    Bytes more = compressed;
    more.push_back(std::byte{0});
    CHECK_FALSE(decompressor.decompress(method, more, back));
  }
  SECTION("it works again after a failure") {
    CHECK_FALSE(decompressor.decompress(method, ByteView(compressed).first(10), back));
    CHECK(decompressor.decompress(method, compressed, back));
    CHECK(back == raw);
  }
}

TEST_CASE("Level 1 loses little where there is nothing to find, and nothing where there is") {
  const std::size_t size = 512U << 10U;
  Bytes hex(size);
  std::uint64_t state = 1;
  for (std::byte& each : hex) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    each = static_cast<std::byte>("0123456789abcdef"[state >> 60U]);
  }
  Bytes repeated(size);
  for (std::size_t i = 0; i < size; ++i) {
    repeated[i] = hex[i % 1000];
  }
  Compressor compressor({CompressionMethod::zstd, 1});
  Decompressor decompressor;
  for (const Bytes& raw : {hex, repeated, hex}) {
    const Compressed compressed = compressor.compress(raw);
    REQUIRE(compressed.method == CompressionMethod::zstd);
    // Four bits a digit are half of the size; a thousand bytes said over and over are next to nothing.
    CHECK(compressed.bytes.size() < (raw == hex ? size / 100 * 52 : size / 100));
    Bytes back(size);
    REQUIRE(decompressor.decompress(compressed.method, compressed.bytes, back));
    CHECK(back == raw);
  }
}

TEST_CASE("A skippable frame before or behind a zstd frame is not what was stored") {
  Compressor compressor({CompressionMethod::zstd, 1});
  const Bytes raw = compressible(500);
  const Bytes frame = kept(compressor.compress(raw));
  const Bytes skippable = from_hex("502a4d1800000000");  // RFC 8878, 3.1.2, with no contents
  Bytes before = skippable;
  before.insert(before.end(), frame.begin(), frame.end());
  Bytes behind = frame;
  behind.insert(behind.end(), skippable.begin(), skippable.end());
  Bytes back(raw.size());
  // zstd itself reads both.
  REQUIRE(ZSTD_decompress(back.data(), back.size(), before.data(), before.size()) == raw.size());
  REQUIRE(ZSTD_decompress(back.data(), back.size(), behind.data(), behind.size()) == raw.size());
  Decompressor decompressor;
  CHECK_FALSE(decompressor.decompress(CompressionMethod::zstd, before, back));
  CHECK_FALSE(decompressor.decompress(CompressionMethod::zstd, behind, back));
}

TEST_CASE("Method names are those of the configuration") {
  CHECK(parse_compression_method("zstd") == CompressionMethod::zstd);
  CHECK(parse_compression_method("lz4") == CompressionMethod::lz4);
  CHECK(parse_compression_method("none") == CompressionMethod::none);
  CHECK_FALSE(parse_compression_method("gzip"));
  CHECK(name(CompressionMethod::lz4) == "lz4");
}

}  // namespace compression_test
