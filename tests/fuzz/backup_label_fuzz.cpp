#include "fuzz/fuzz_input.h"
#include "postgres/backup_label.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(fuzzing::view_of(data, size));
  fuzzing::accepts([&] {
    const BackupLabel label = parse_backup_label(text);
    fuzzing::demand(label.start_lsn.valid() && label.checkpoint_lsn.valid() && label.start_timeline != 0);
    fuzzing::demand(label.start_segment.size() == 24);
  });
  fuzzing::accepts([&] {
    const auto links = parse_tablespace_map(text);
    fuzzing::demand(parse_tablespace_map(format_tablespace_map(links)) == links);
  });
  return 0;
}
