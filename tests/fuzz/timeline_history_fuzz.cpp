#include "fuzz/fuzz_input.h"
#include "postgres/timeline_history.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(fuzzing::view_of(data, size));
  fuzzing::accepts([&] {
    const TimelineHistory history = parse_timeline_history(1000, text);
    for (const TimelineSwitch& one : history.ancestors) {
      fuzzing::demand(one.timeline < 1000 && history.descends_from(one.timeline));
      fuzzing::demand(history.timeline_at(one.switch_lsn) > one.timeline);
    }
  });
  return 0;
}
