#include "fuzz/fuzz_input.h"
#include "postgres/wal_segment.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  WalSegmentExpectation expectation;
  expectation.segment = {1, 1, 16U << 20U};
  if (size >= wal_long_header_size) {
    // Taken from the input, so that the search gets past the first comparison.
    expectation.system_identifier = load_little<std::uint64_t>(bytes.data() + 24);
    expectation.segment.number = load_little<std::uint64_t>(bytes.data() + 8) / expectation.segment.size;
  }
  const bool header_fits = fuzzing::accepts([&] { check_wal_header(bytes, expectation); });
  const bool accepted = fuzzing::accepts([&] {
    WalPageChecker checker(expectation);
    checker.feed(bytes);
  });
  const bool accepted_in_pieces = fuzzing::accepts([&] {
    WalPageChecker checker(expectation);
    fuzzing::feed_in_pieces(checker, bytes);
    fuzzing::demand(checker.offset() == size && checker.zero_tail_offset() <= size);
  });
  fuzzing::demand(accepted == accepted_in_pieces);
  fuzzing::demand(header_fits || !accepted || size < wal_long_header_size);
  return 0;
}
