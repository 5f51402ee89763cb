#include "fuzz/fuzz_input.h"
#include "postgres/page.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  std::vector<BadPage> bad;
  check_pages(bytes, 1024, 0xFFFFFFFE, Lsn{}, bad);  // block numbers run over the end
  fuzzing::demand(bad.size() <= size / 1024);
  if (size >= 1024) {
    const ByteView page = bytes.first(1024);
    const std::vector<std::uint16_t> every_way = page_checksum_every_way(page, 1);
    for (const std::uint16_t checksum : every_way) {
      fuzzing::demand(checksum == page_checksum(page, 1) && checksum != 0);
    }
  }
  return 0;
}
