#include "fuzz/fuzz_input.h"
#include "repository/summary.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(fuzzing::view_of(data, size));
  fuzzing::accepts([&] {
    const std::string once = format_summary(parse_summary(text, "x"));
    fuzzing::demand(format_summary(parse_summary(once, "x")) == once);
  });
  return 0;
}
