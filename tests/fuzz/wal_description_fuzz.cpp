#include <algorithm>

#include "fuzz/fuzz_input.h"
#include "repository/wal_object.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  fuzzing::accepts([&] {
    const WalDescription description = decode_wal_description(bytes, "x");
    fuzzing::demand(makes_sense(description));
    fuzzing::demand(std::ranges::equal(encode_wal_description(description), bytes));
  });
  return 0;
}
