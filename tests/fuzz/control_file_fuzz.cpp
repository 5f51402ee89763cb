#include "fuzz/fuzz_input.h"
#include "postgres/control_file.h"
#include "postgres/crc32c.h"

using namespace pgrecall;

namespace {

void parse(ByteView bytes) {
  fuzzing::accepts([&] {
    const ControlFile control = parse_control_file(bytes);
    fuzzing::demand(control.block_size != 0 && control.blocks_per_segment != 0 && valid_segment_size(control.wal_segment_size));
    fuzzing::demand(name(control.state) != "unknown");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  parse(bytes);
  // With a right CRC too: no search finds one by chance.
  for (const std::size_t crc_offset : {288U, 292U}) {
    if (size >= crc_offset + 4) {
      Bytes mended(bytes.begin(), bytes.end());
      store_little<std::uint32_t>(mended.data() + crc_offset, crc32c(bytes.first(crc_offset)));
      parse(mended);
    }
  }
  return 0;
}
