#include "postgres/wal_records.h"

#include "unit/postgres/fixture.h"
#include "unit/postgres/wal_builder.h"

namespace wal_records_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::uint64_t segment_start = 5 * std::uint64_t{built_segment_size};

// Fails where the reader of `bytes`, in pieces of any size, does not refuse them; what it says, and how far it came.
struct Refusal {
  Error error;
  std::uint64_t position;
  std::size_t reported;
};
Refusal refusal_of(std::string_view bytes, std::uint64_t start, WalRecordCrc crc = WalRecordCrc::check) {
  std::optional<Refusal> first;
  for (const std::size_t piece : {bytes.size(), std::size_t{1}, std::size_t{1000}}) {
    KeptRecords kept;
    WalRecordReader reader({Lsn{start}, built_segment_size, built_page_size, 15}, crc, kept);
    const Error error = corruption_of([&] { feed_pieces(reader, bytes, piece); });
    if (!first) {
      first = Refusal{error, reader.position().value, kept.records.size()};
    }
    CHECK(error.message() == first->error.message());
    CHECK(reader.position().value == first->position);
    CHECK(kept.records.size() == first->reported);
    CHECK_THROWS_WITH(reader.feed(bytes_of("more")), Catch::Contains("behind an error"));
  }
  return *first;
}

// Records of all sizes, cut by pages at all offsets of their headers, and by segments.
WalBuilder varied() {
  WalBuilder wal(segment_start);
  for (std::size_t room = 8; room <= 64; room += 8) {
    wal.add_heap(room * 3);
    wal.fill_until(room);
    wal.add_heap(10);
    wal.fill_until(room);
    wal.add_heap(20000 + room);
  }
  wal.fill_until(24);
  wal.add(0, 0xC0, "", 0);  // ends with its page
  wal.add_heap(built_segment_size);
  wal.add_heap(2 * built_segment_size + 3);
  wal.add_heap(1);
  return wal;
}

}  // namespace

TEST_CASE("WAL records are found across pages and segments, whatever the pieces", "[wal_records]") {
  const WalBuilder wal = varied();
  for (const WalRecordCrc crc : {WalRecordCrc::check, WalRecordCrc::skip}) {
    for (const std::size_t piece : {wal.bytes.size(), std::size_t{1}, std::size_t{7}, std::size_t{8192}, std::size_t{100003}}) {
      INFO(piece);
      const ReadWal found = read_wal(wal.bytes, segment_start, crc, piece);
      CHECK(found.kept.built == wal.records);
      CHECK(found.position == wal.next());
      CHECK_FALSE(found.ended);
    }
  }
}

TEST_CASE("a WAL record's header is handed on", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.add(10, 0x81, WalBuilder::body_of_heap(300), 0xFFFFFFF0);
  wal.add(130, 0x10, "", 0);
  const ReadWal found = read_wal(wal.bytes, segment_start);
  REQUIRE(found.kept.records.size() == 2);
  const WalRecord& first = found.kept.records[0];
  CHECK(first.resource_manager == 10);
  CHECK(first.info == 0x81);
  CHECK(first.transaction == 0xFFFFFFF0);
  CHECK(first.previous == Lsn{8});
  CHECK(found.kept.main_data[0].empty());  // heap's is not asked for
  CHECK(found.kept.records[1].resource_manager == 130);
  CHECK(found.kept.records[1].previous.value == segment_start + 40);
}

TEST_CASE("a record that ends with its page is followed behind the next page's header", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.fill_until(24);
  wal.add(0, 0xC0, "", 0);
  wal.add_heap(1);
  const ReadWal found = read_wal(wal.bytes, segment_start);
  REQUIRE(found.kept.built.size() == 3);
  CHECK(found.kept.built[1].end == segment_start + built_page_size);
  CHECK(found.kept.built[2].start == segment_start + built_page_size + 24);
}

TEST_CASE("a segment switch is followed by the next segment's records", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.add_heap(10);
  const std::uint64_t behind_switch = wal.add(0, 0x40, "", 0).end;
  const std::size_t padding_at = wal.bytes.size();
  wal.bytes.resize(built_segment_size);
  wal.records.back().end = segment_start + built_segment_size;
  wal.add_heap(20);
  for (const std::size_t piece : {wal.bytes.size(), std::size_t{13}}) {
    const ReadWal found = read_wal(wal.bytes, segment_start, WalRecordCrc::check, piece);
    CHECK(found.kept.built == wal.records);
    CHECK(is_switch(found.kept.records[1]));
    CHECK_FALSE(is_switch(found.kept.records[0]));
  }
  // Until all of the padding is there, going on means going on behind the record.
  CHECK(read_wal(std::string_view(wal.bytes).substr(0, built_segment_size - 1), segment_start).position == behind_switch);
  CHECK(read_wal(std::string_view(wal.bytes).substr(0, built_segment_size), segment_start).position ==
        segment_start + built_segment_size);
  wal.bytes[padding_at + 100000] = 1;
  CHECK(refusal_of(wal.bytes, segment_start).position == behind_switch);
  CHECK(read_wal(wal.bytes, segment_start, WalRecordCrc::skip).kept.built == wal.records);
}

TEST_CASE("a switch that fills its segment to the last byte needs no padding", "[wal_records]") {
  WalBuilder wal(segment_start);
  while (wal.next() < segment_start + built_segment_size - built_page_size) {
    wal.fill_until(24);
    wal.add_heap(100);
  }
  wal.fill_until(24);
  wal.add(0, 0x40, "", 0);
  REQUIRE(wal.next() == segment_start + built_segment_size);
  wal.add_heap(1);
  CHECK(read_wal(wal.bytes, segment_start).kept.built == wal.records);
}

TEST_CASE("zeros where a record should be end the WAL", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.add_heap(10);
  const std::uint64_t end = wal.add_heap(11).end;
  const std::string short_tail = wal.bytes + std::string(8, '\0');
  std::string long_tail = wal.bytes;
  long_tail.resize(built_segment_size);
  long_tail += "what lies behind is not looked at";
  for (const std::string& bytes : {short_tail, long_tail}) {
    for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
      const ReadWal found = read_wal(bytes, segment_start, WalRecordCrc::check, piece);
      CHECK(found.ended);
      CHECK(found.position == end);
      CHECK(found.kept.built == wal.records);
    }
  }
}

TEST_CASE("a zero page ends the WAL, also within a record", "[wal_records]") {
  WalBuilder wal(segment_start);
  const std::uint64_t end = wal.add_heap(10).end;
  wal.add_heap(30000);
  std::string bytes = wal.bytes.substr(0, 2 * built_page_size);
  bytes.resize(4 * built_page_size);
  const ReadWal found = read_wal(bytes, segment_start);
  CHECK(found.ended);
  CHECK(found.position == end);
  CHECK(found.kept.built.size() == 1);

  WalBuilder full(segment_start);
  full.fill_until(0);
  REQUIRE(full.bytes.size() == built_page_size);
  CHECK(read_wal(full.bytes + std::string(24, '\0'), segment_start).ended);
  CHECK_FALSE(read_wal(full.bytes + std::string(23, '\0'), segment_start).ended);
  CHECK(read_wal(std::string(40, '\0'), segment_start).ended);
}

TEST_CASE("every byte of a record is under its CRC, unless that is skipped", "[wal_records]") {
  WalBuilder wal(segment_start);
  const BuiltRecord before = wal.add_heap(40);
  const BuiltRecord record = wal.add_heap(50);
  wal.add_heap(9000);
  // Length and link to the record before are checked for themselves.
  for (std::uint64_t at = record.start + 4; at < record.start + record.length; ++at) {
    if (at < record.start + 8 || at >= record.start + 16) {
      INFO(at - record.start);
      std::string bytes = wal.bytes;
      bytes[static_cast<std::size_t>(at - segment_start)] ^= 0x01;
      const Refusal refusal = refusal_of(bytes, segment_start);
      CHECK(refusal.position == before.end);
      CHECK(refusal.reported == 1);
      CHECK(refusal.error.context("lsn") == Lsn{record.start}.to_string());
      CHECK(read_wal(bytes, segment_start, WalRecordCrc::skip).kept.built == wal.records);
    }
  }
  wal.bytes[wal.bytes.size() - 10] ^= 0x40;  // of the one that goes over a page
  CHECK(refusal_of(wal.bytes, segment_start).position == record.end);
}

TEST_CASE("a WAL record must follow the one before", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.add_heap(10);
  const std::uint64_t end = wal.add_heap(10).end;
  wal.add(10, 0, "", 7, wal.records[0].start);
  CHECK(refusal_of(wal.bytes, segment_start, WalRecordCrc::skip).position == end);

  WalBuilder first(segment_start);  // whose predecessor is not known: it lies somewhere before
  first.add(10, 0, "", 7, segment_start + 40);
  CHECK(refusal_of(first.bytes, segment_start, WalRecordCrc::skip).reported == 0);
}

TEST_CASE("WAL records of impossible length or manager are refused", "[wal_records]") {
  WalBuilder wal(segment_start);
  const BuiltRecord record = wal.add_heap(10);
  for (const std::uint32_t length : {1U, 23U, 1U << 30U, 0xFFFFFFFFU}) {
    std::string bytes = wal.bytes;
    store_at<std::uint32_t>(bytes, record.start - segment_start, length);
    CHECK(refusal_of(bytes, segment_start, WalRecordCrc::skip).error.context("found") == std::to_string(length));
  }
  std::string bytes = wal.bytes;
  store_at<std::uint32_t>(bytes, record.start - segment_start, (1U << 30U) - 1);
  CHECK(read_wal(bytes, segment_start).position == segment_start);  // too long for these bytes, but not impossible
  for (const std::uint8_t manager : {std::uint8_t{22}, std::uint8_t{127}}) {
    WalBuilder other(segment_start);
    other.add(manager, 0, "");
    CHECK(refusal_of(other.bytes, segment_start).error.context("found") == std::to_string(manager));
  }
  WalBuilder highest(segment_start);
  highest.add(21, 0, "");
  highest.add(128, 0, "");
  CHECK(read_wal(highest.bytes, segment_start).kept.built.size() == 2);
}

TEST_CASE("a page header that does not fit its place is refused", "[wal_records]") {
  WalBuilder wal(segment_start);
  wal.timeline = 3;
  wal.add_heap(3 * built_page_size);
  const auto with = [&](std::size_t offset, auto value) {
    std::string bytes = wal.bytes;
    store_at(bytes, offset, value);
    const Refusal refusal = refusal_of(bytes, segment_start, WalRecordCrc::skip);
    CHECK(refusal.position == segment_start);
    return refusal.error.context("lsn") == Lsn{segment_start + offset / built_page_size * built_page_size}.to_string();
  };
  constexpr std::size_t page = 2 * built_page_size;
  CHECK(with(page, std::uint16_t{0xD113}));                // another version's magic
  CHECK(with(page + 2, std::uint16_t{0}));                 // no continuation
  CHECK(with(page + 2, std::uint16_t{3}));                 // a long header
  CHECK(with(page + 2, std::uint16_t{0x11}));              // an unknown flag
  CHECK(with(page + 4, std::uint32_t{2}));                 // an older timeline
  CHECK(with(page + 8, segment_start + built_page_size));  // another page's address
  CHECK(with(page + 16, std::uint32_t{5}));                // another rest of the record
  CHECK(with(0, std::uint16_t{0xD113}));                   // not the version asked for
  CHECK(with(0, std::uint16_t{0xD101}));                   // no version that we know
  CHECK(with(2, std::uint16_t{0}));                        // no long header
  CHECK(with(4, std::uint32_t{0}));                        // no timeline
  CHECK(with(32, std::uint32_t{built_segment_size * 2}));  // another segment size
  CHECK(with(36, std::uint32_t{4096}));                    // another page size

  WalBuilder nothing_to_continue(segment_start);
  nothing_to_continue.fill_until(0);
  nothing_to_continue.add_foreign(100);
  CHECK(refusal_of(nothing_to_continue.bytes, segment_start).reported == 1);
}

TEST_CASE("a record whose rest a crashed server lost gives way to the one written over it", "[wal_records]") {
  for (const std::size_t room : {std::size_t{16}, std::size_t{4000}}) {  // with half a header, and with some of its body
    WalBuilder wal(segment_start);
    wal.fill_until(room);
    const BuiltRecord before = wal.records.back();
    wal.add_heap(20000);
    wal.records.pop_back();
    wal.bytes.resize(built_page_size);
    CHECK(read_wal(wal.bytes, segment_start).position == before.end);
    wal.set_previous(before.start);
    wal.open_page(8, 0);
    wal.add(0, 0xD0, WalBuilder::body_of_heap(16), 0);
    wal.add_heap(5);
    for (const std::size_t piece : {wal.bytes.size(), std::size_t{1}}) {
      CHECK(read_wal(wal.bytes, segment_start, WalRecordCrc::check, piece).kept.built == wal.records);
    }
  }
}

TEST_CASE("reading begins behind the rest of a record that is not known", "[wal_records]") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{200}, std::size_t{8192 - 40}, std::size_t{50000}}) {
    INFO(size);
    WalBuilder wal(segment_start);
    wal.add_foreign(size);
    const std::uint64_t begin = wal.next();
    CHECK(read_wal(wal.bytes, segment_start).position == begin);
    wal.add_heap(10);
    wal.add_heap(20000);
    for (const std::size_t piece : {wal.bytes.size(), std::size_t{1}}) {
      CHECK(read_wal(wal.bytes, segment_start, WalRecordCrc::check, piece).kept.built == wal.records);
    }
    // Before its end, there is no position to go on from but the start.
    CHECK(read_wal(std::string_view(wal.bytes).substr(0, static_cast<std::size_t>(begin - segment_start) - 1), segment_start)
              .position == segment_start);
  }
}

TEST_CASE("reading begins at any record", "[wal_records]") {
  const WalBuilder wal = varied();
  for (std::size_t index = 0; index < wal.records.size(); ++index) {
    const std::uint64_t start = wal.records[index].start;
    const std::string_view bytes = std::string_view(wal.bytes).substr(static_cast<std::size_t>(start - segment_start));
    const ReadWal found = read_wal(bytes, start, WalRecordCrc::check, 5000, 15);
    CHECK(found.kept.built == std::vector(wal.records.begin() + static_cast<std::ptrdiff_t>(index), wal.records.end()));
  }
}

TEST_CASE("what cannot be the start of reading is refused", "[wal_records]") {
  KeptRecords kept;
  const auto refused = [&](const WalRecordStart& start) {
    try {
      const WalRecordReader reader(start, WalRecordCrc::check, kept);
      return false;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::failed;
    }
  };
  const WalRecordStart good{Lsn{segment_start + 40}, built_segment_size, built_page_size, 15};
  CHECK_FALSE(refused(good));
  CHECK_FALSE(refused({Lsn{segment_start + built_page_size + 24}, built_segment_size, built_page_size, 15}));
  CHECK_FALSE(refused({Lsn{segment_start + built_page_size}, built_segment_size, built_page_size, 0}));
  CHECK(refused({Lsn{segment_start + 24}, built_segment_size, built_page_size, 15}));  // in the long page header
  CHECK(refused({Lsn{segment_start + built_page_size + 16}, built_segment_size, built_page_size, 15}));
  CHECK(refused({Lsn{segment_start + 44}, built_segment_size, built_page_size, 15}));
  CHECK(refused({good.at, built_segment_size, built_page_size, 0}));
  CHECK(refused({good.at, 0, built_page_size, 15}));
  CHECK(refused({good.at, built_segment_size, 0, 15}));
  CHECK(refused({good.at, built_segment_size, 3000, 15}));
}

TEST_CASE("the first records of real WAL of every version have their CRC", "[wal_records]") {
  for (unsigned major = 13; major <= 18; ++major) {
    INFO(major);
    const std::string name = major == 13 ? "000000010000000000000002" : "000000010000000000000001";
    const std::string bytes = read_fixture(std::to_string(major) + "/wal_" + name);
    constexpr std::uint32_t real_segment_size = 16U << 20U;
    const Lsn start = WalSegment::parse(name, real_segment_size)->start();
    KeptRecords kept;
    WalRecordReader reader({start, real_segment_size, default_wal_page_size, major}, WalRecordCrc::check, kept);
    reader.feed(bytes_of(bytes));
    REQUIRE(kept.records.size() >= 2);
    for (std::size_t i = 1; i < kept.records.size(); ++i) {
      CHECK(kept.records[i].previous == kept.records[i - 1].start);
    }
    KeptRecords skipped;
    WalRecordReader skipping({start, real_segment_size, default_wal_page_size, 0}, WalRecordCrc::skip, skipped);
    feed_pieces(skipping, bytes, 11);
    CHECK(skipped.built == kept.built);
  }
}

}  // namespace wal_records_test
