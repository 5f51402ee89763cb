#include <vector>

#include "fuzz/fuzz_input.h"
#include "postgres/wal_records.h"

using namespace pgrecall;

namespace {

// Every record lies behind the one before it and names it, and what is decoded of it is there.
class Records final : public WalRecordSink {
 public:
  explicit Records(Lsn start) : end_(start) {}

  void on_record(const WalRecord& record) override {
    fuzzing::demand(record.start >= end_ && record.end.value >= record.start.value + record.length);
    fuzzing::demand(lsns.empty() || record.previous == lsns.back());
    fuzzing::demand(record.main_data.size() <= wal_main_data_head_size);
    end_ = record.end;
    lsns.push_back(record.start);
    main_data_bytes += record.main_data.size();
    fuzzing::accepts([&] { static_cast<void>(decode_transaction_end(record)); });
    fuzzing::accepts([&] { static_cast<void>(decode_restore_point(record)); });
  }

  std::vector<Lsn> lsns;
  std::size_t main_data_bytes = 0;

 private:
  Lsn end_;
};

struct Outcome {
  bool accepted = false;
  bool ended = false;
  Lsn position;
  std::vector<Lsn> lsns;
  std::size_t main_data_bytes = 0;

  bool operator==(const Outcome&) const = default;
};

enum class Cut { whole, in_pieces };

Outcome read_records(ByteView bytes, const WalRecordStart& start, WalRecordCrc crc, Cut cut) {
  Records records(start.at);
  WalRecordReader reader(start, crc, records);
  Outcome outcome;
  outcome.accepted = fuzzing::accepts([&] {
    if (cut == Cut::whole) {
      reader.feed(bytes);
    } else {
      fuzzing::feed_in_pieces(reader, bytes);
    }
  });
  outcome.ended = reader.ended();
  outcome.position = reader.position();
  outcome.lsns = records.lsns;
  outcome.main_data_bytes = records.main_data_bytes;
  fuzzing::demand(reader.count() == records.lsns.size());
  fuzzing::demand(outcome.position >= start.at && outcome.position.value <= start.at.value + bytes.size());
  return outcome;
}

Outcome read_every_way(ByteView bytes, const WalRecordStart& start) {
  const Outcome checked = read_records(bytes, start, WalRecordCrc::check, Cut::whole);
  const Outcome skipped = read_records(bytes, start, WalRecordCrc::skip, Cut::whole);
  fuzzing::demand(checked == read_records(bytes, start, WalRecordCrc::check, Cut::in_pieces));
  fuzzing::demand(skipped == read_records(bytes, start, WalRecordCrc::skip, Cut::in_pieces));
  fuzzing::demand(!checked.accepted || checked == skipped);
  fuzzing::demand(checked.position <= skipped.position && checked.lsns.size() <= skipped.lsns.size());
  return checked;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  if (size < wal_long_header_size) {
    return 0;
  }
  // Taken from the input, so that the search gets past the first page header; no LSN is near the end of them all.
  WalSegmentExpectation expectation;
  expectation.system_identifier = load_little<std::uint64_t>(bytes.data() + 24);
  const auto segment_size = load_little<std::uint32_t>(bytes.data() + 32);
  expectation.segment = {1, 1, valid_segment_size(segment_size) ? segment_size : 16U << 20U};
  expectation.segment.number =
      (load_little<std::uint64_t>(bytes.data() + 8) & (~std::uint64_t{0} >> 4U)) / expectation.segment.size;
  const Lsn start = expectation.segment.start();
  std::vector<std::byte> placed(bytes.begin(), bytes.end());
  store_little<std::uint64_t>(placed.data() + 8, start.value);
  const Outcome checked = read_every_way(placed, {start, expectation.segment.size, default_wal_page_size, 0});

  const unsigned major = major_for_wal_magic(load_little<std::uint16_t>(bytes.data())).value_or(13);
  const WalRecordStart behind_header{Lsn{start.value + wal_long_header_size}, expectation.segment.size, default_wal_page_size,
                                     major};
  read_every_way(ByteView(placed).subspan(wal_long_header_size), behind_header);

  const WalSegmentSource read = [&](std::uint64_t offset, MutableByteView buffer) {
    const ByteView rest = ByteView(placed).subspan(std::min<std::size_t>(offset, placed.size()));
    const std::size_t taken = std::min(rest.size(), buffer.size());
    std::copy_n(rest.begin(), taken, buffer.begin());
    return taken;
  };
  const Lsn end = valid_wal_end(read, expectation);
  fuzzing::demand(end >= start && end.value <= start.value + size);
  // Pages of another size are read by that, and a timeline above the segment's is none of it.
  fuzzing::demand(end == start || load_little<std::uint32_t>(placed.data() + 36) != default_wal_page_size ||
                  end == checked.position);
  return 0;
}
