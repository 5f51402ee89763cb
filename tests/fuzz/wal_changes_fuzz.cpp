#include <vector>

#include "fuzz/fuzz_input.h"
#include "postgres/heap_page.h"
#include "postgres/wal_changes.h"

using namespace pgrecall;

namespace {

// A record's body of the input's own making: the CRC of whole WAL would keep the search out.
void take_bodies(ByteView bytes, unsigned major_version) {
  std::size_t told = 0;
  WalChangeCollector collector({.major_version = major_version, .page_size = 1024, .least_rows = 1},
                               [&](const TransactionChanges& changes) {
                                 fuzzing::demand(!changes.changes.empty() && changes.undone_before.valid());
                                 ++told;
                               });
  std::uint64_t at = 1U << 20U;
  std::size_t records = 0;
  while (bytes.size() >= 6) {
    WalRecord record;
    record.start = Lsn{at};
    record.resource_manager = std::to_integer<std::uint8_t>(bytes[0]) % 12;
    record.info = std::to_integer<std::uint8_t>(bytes[1]);
    record.transaction = std::to_integer<std::uint8_t>(bytes[2]) % 8;
    const std::size_t length = std::min<std::size_t>(load_little<std::uint16_t>(bytes.data() + 3), bytes.size() - 5);
    record.body = bytes.subspan(5, length);
    record.length = static_cast<std::uint32_t>(wal_record_header_size + length);
    record.end = Lsn{at + record.length};
    const ByteView head = record.body.first(std::min(length, wal_main_data_head_size));
    record.main_data = record.resource_manager <= 1 ? head : ByteView();
    bytes = bytes.subspan(5 + length);
    at += record.length;
    ++records;
    collector.on_record(record);
  }
  fuzzing::demand(told <= records && collector.not_understood() <= records && collector.running() <= records);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  if (size == 0) {
    return 0;
  }
  const unsigned major_version = 13 + std::to_integer<unsigned>(bytes[0]) % 6;
  const ByteView rest = bytes.subspan(1);
  take_bodies(rest, major_version);

  WalRecordParts parts;
  if (fuzzing::accepts([&] { parts.parse(rest, static_cast<std::uint32_t>(rest.size()), major_version); })) {
    std::size_t used = parts.main_data().size();
    std::vector<std::byte> page(1024);
    for (const WalBlock& block : parts.blocks()) {
      used += block.data.size() + (block.image ? block.image->bytes.size() : 0);
      if (block.image) {
        fuzzing::accepts([&] { restore_page_image(*block.image, page); });
      }
    }
    fuzzing::demand(used <= rest.size());
  }
  for_each_heap_tuple(rest, [&](std::uint16_t number, const HeapTuple& tuple) {
    fuzzing::demand(number > 0 && tuple.data.size() < rest.size());
    static_cast<void>(parse_class_row(tuple.data, major_version));
    static_cast<void>(parse_database_row(tuple.data, major_version));
    static_cast<void>(parse_namespace_row(tuple.data));
  });
  static_cast<void>(parse_class_row(rest, major_version));
  static_cast<void>(parse_relation_map(rest));
  static_cast<void>(parse_transaction_parts(rest, 0x80));
  std::vector<std::byte> out(1024);
  static_cast<void>(decompress_pglz(rest, out));
  return 0;
}
