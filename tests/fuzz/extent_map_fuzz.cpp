#include "fuzz/fuzz_input.h"
#include "repository/chunk.h"

using namespace pgrecall;

namespace {

// The first eight bytes choose the range, so that it can be small, large, and at the end of what 64 bits hold.
std::uint64_t take_number(ByteView& bytes) {
  if (bytes.size() < 8) {
    return 0;
  }
  const auto number = load_little<std::uint64_t>(bytes.data());
  bytes = bytes.subspan(8);
  return number;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes = fuzzing::view_of(data, size);
  const std::uint64_t choice = take_number(bytes);
  const std::uint64_t start = choice >> (choice % 64);
  const std::uint64_t length = choice % (1ULL << 33U);
  fuzzing::accepts([&] {
    const ExtentMap map = decode_extent_map(bytes, start, length, "map");
    for (const Extent& extent : map.extents) {
      fuzzing::demand(extent.file_offset >= start && extent.file_offset - start + extent.length <= length);
      fuzzing::demand(std::uint64_t{extent.offset_in_chunk} + extent.length <= map.chunks.at(extent.chunk).raw_size);
    }
    std::uint64_t end = start;
    for (const Extent& extent : flatten(map.extents)) {
      fuzzing::demand(extent.length > 0 && extent.file_offset >= end);
      end = extent.file_offset + extent.length;
    }
    const ExtentMap again = decode_extent_map(encode_extent_map(map, start), start, length, "map");
    fuzzing::demand(again.chunks == map.chunks && again.extents == map.extents);
  });
  return 0;
}
