#include <algorithm>

#include "repository/chunk.h"
#include "repository/varint.h"
#include "scratch_repository.h"

namespace extent_map_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

struct Cell {
  std::uint32_t chunk = UINT32_MAX;
  std::uint64_t at = 0;  // in the chunk
  bool operator==(const Cell&) const = default;
};

// What each byte of a file shows, by laying the extents one after the other.
std::vector<Cell> paint(const std::vector<Extent>& laid, std::size_t size) {
  std::vector<Cell> cells(size);
  for (const Extent& extent : laid) {
    for (std::uint32_t i = 0; i < extent.length; ++i) {
      cells[extent.file_offset + i] = {extent.chunk, std::uint64_t{extent.offset_in_chunk} + i};
    }
  }
  return cells;
}

ExtentMap random_map(Random& random, std::uint64_t start, std::uint64_t length) {
  ExtentMap map;
  for (std::uint64_t i = 0, count = 1 + below(random, 6); i < count; ++i) {
    map.chunks.push_back(made_up_chunk(random, 1 + static_cast<std::uint32_t>(below(random, 500))));
  }
  for (std::uint64_t i = 0, count = below(random, 30); i < count; ++i) {
    Extent extent;
    extent.chunk = static_cast<std::uint32_t>(below(random, map.chunks.size()));
    const std::uint32_t raw_size = map.chunks[extent.chunk].raw_size;
    extent.offset_in_chunk = static_cast<std::uint32_t>(below(random, raw_size));
    const std::uint64_t at = below(random, length);
    extent.file_offset = start + at;
    extent.length =
        1 + static_cast<std::uint32_t>(below(random, std::min<std::uint64_t>(raw_size - extent.offset_in_chunk, length - at)));
    map.extents.push_back(extent);
  }
  return map;
}

ExtentMap one_extent(Extent extent, std::uint32_t raw_size) {
  Random random(7);
  return {{made_up_chunk(random, raw_size)}, {extent}};
}

}  // namespace

TEST_CASE("an extent map comes back as it was") {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t start = round % 2 == 0 ? 0 : below(random, 1ULL << 40U);
    const std::uint64_t length = 1 + below(random, 2000);
    const ExtentMap map = random_map(random, start, length);
    const ExtentMap back = decode_extent_map(encode_extent_map(map, start), start, length, "map");
    REQUIRE(back.chunks == map.chunks);
    REQUIRE(back.extents == map.extents);
  }
}

TEST_CASE("the bytes of an extent map are those of the specification") {
  ChunkRef chunk;
  chunk.pack.bytes.fill(std::byte{0xaa});
  chunk.offset = 64;
  chunk.body_size = 132;
  chunk.raw_size = 300;
  chunk.digest.bytes.fill(std::byte{0xbb});
  const Bytes encoded = encode_extent_map({{chunk}, {{1000, 200, 0, 5}, {1100, 10, 0, 0}}}, 1000);
  std::string expected = "584d4150";        // XMAP
  expected += "01" + std::string(32, 'a');  // one pack
  expected +=
      "01"
      "00"
      "40"
      "8401"
      "ac02";                        // one chunk: pack, offset, body size, raw size
  expected += std::string(64, 'b');  // its digest
  expected +=
      "02"
      "00"
      "c801"
      "00"
      "05";  // two extents; the first at the range's start
  expected +=
      "c701"
      "0a"
      "00"
      "00";  // the second 100 before the end of the first
  CHECK(to_hex(encoded) == expected);
}

TEST_CASE("flattening shows what painting one extent over the other shows") {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t length = 1 + below(random, 400);
    const std::vector<Extent> laid = random_map(random, 0, length).extents;
    const std::vector<Extent> flat = flatten(laid);
    for (std::size_t i = 0; i < flat.size(); ++i) {
      REQUIRE(flat[i].length > 0);
      REQUIRE((i == 0 || flat[i].file_offset >= flat[i - 1].file_offset + flat[i - 1].length));
    }
    REQUIRE(paint(flat, length) == paint(laid, length));
    REQUIRE(flat.size() <= std::max<std::size_t>(1, 2 * laid.size()));
  }
}

TEST_CASE("a page laid over a large extent cuts it into two") {
  const std::vector<Extent> flat = flatten({{0, 81920, 0, 0}, {8192, 8192, 1, 0}});
  CHECK(flat == std::vector<Extent>{{0, 8192, 0, 0}, {8192, 8192, 1, 0}, {16384, 65536, 0, 16384}});
}

TEST_CASE("many pages over many extents flatten in little time") {
  std::vector<Extent> laid;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    laid.push_back({i * 100, 100, 0, 0});
  }
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    laid.push_back({(199'999 - i) * 100 + 10, 10, 1, 0});
  }
  // Quadratic work would be 10^11 steps.
  CHECK(flatten(laid).size() == 600'000);
}

TEST_CASE("an extent outside of its range or chunk is refused") {
  const auto refused = [](const Extent& extent, std::uint64_t start, std::uint64_t length) {
    const Bytes bytes = encode_extent_map(one_extent(extent, 100), start);
    const Error error = error_of([&] { (void)decode_extent_map(bytes, start, length, "map"); });
    return error.kind() == ErrorKind::corruption && error.context("object") == "map";
  };
  CHECK_NOTHROW(decode_extent_map(encode_extent_map(one_extent({500, 100, 0, 0}, 100), 500), 500, 100, "map"));
  CHECK(refused({500, 100, 0, 0}, 500, 99));
  CHECK(refused({499, 10, 0, 0}, 500, 100));
  CHECK(refused({601, 1, 0, 0}, 500, 100));
  CHECK(refused({0, 10, 0, 0}, 500, 100));
  CHECK(refused({UINT64_MAX, 10, 0, 0}, 500, 100));
  for (const Extent extent : {Extent{0, 101, 0, 0}, Extent{0, 1, 0, 100}, Extent{0, 1, 1, 0}, Extent{0, 0, 0, 0}}) {
    CHECK(error_of([&] { (void)encode_extent_map(one_extent(extent, 100), 0); }).kind() == ErrorKind::failed);
  }
  // The same, as only a hostile writer makes it: the chunk's raw size made smaller than the extent.
  ExtentMap map = one_extent({0, 100, 0, 0}, 100);
  map.chunks[0].body_size = 40;
  Bytes bytes = encode_extent_map(map, 0);
  const std::size_t raw_size_at = bytes.size() - 5 - 32 - 1;
  REQUIRE(bytes[raw_size_at] == std::byte{100});
  bytes[raw_size_at] = std::byte{99};
  CHECK(error_of([&] { (void)decode_extent_map(bytes, 0, 100, "map"); }).kind() == ErrorKind::corruption);
}

TEST_CASE("an extent map cut anywhere, or with bytes behind it, is refused") {
  Random random(3);
  ExtentMap map;
  while (map.extents.size() < 5) {
    map = random_map(random, 0, 1000);
  }
  Bytes bytes = encode_extent_map(map, 0);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(error_of([&] { (void)decode_extent_map(ByteView(bytes).first(size), 0, 1000, "map"); }).kind() ==
          ErrorKind::corruption);
  }
  bytes.push_back(std::byte{0});
  CHECK(error_of([&] { (void)decode_extent_map(bytes, 0, 1000, "map"); }).kind() == ErrorKind::corruption);
}

}  // namespace extent_map_test
