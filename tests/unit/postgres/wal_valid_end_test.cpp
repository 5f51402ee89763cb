#include "postgres/wal_records.h"
#include "unit/postgres/fixture.h"
#include "unit/postgres/wal_builder.h"

namespace wal_valid_end_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::uint64_t segment_start = 5 * std::uint64_t{built_segment_size};
constexpr WalSegmentExpectation expectation{built_system_identifier, {1, 5, built_segment_size}, 15};

// `bytes` as the file's content, given out at most 3000 bytes at a time, as a read may be short.
WalSegmentSource reading(std::string_view bytes) {
  return [bytes](std::uint64_t offset, MutableByteView buffer) {
    const std::string_view rest = bytes.substr(std::min<std::size_t>(offset, bytes.size()));
    const std::size_t taken = std::min({rest.size(), buffer.size(), std::size_t{3000}});
    std::copy_n(bytes_of(rest).begin(), taken, buffer.begin());
    return taken;
  };
}

std::uint64_t valid_end(std::string_view bytes, const WalSegmentExpectation& expected = expectation) {
  return valid_wal_end(reading(bytes), expected).value;
}

std::optional<std::uint64_t> unfinished_end(std::string_view bytes) {
  const auto end = unfinished_wal_end(reading(bytes), expectation);
  return end ? std::optional(end->value) : std::nullopt;
}

enum class Padding { needed, given };

std::uint64_t last_end_until(const WalBuilder& wal, std::uint64_t limit, Padding padding = Padding::needed) {
  std::uint64_t end = segment_start;
  for (const BuiltRecord& record : wal.records) {
    const std::uint64_t size = padding == Padding::given ? (8 - record.length % 8) % 8 : 0;
    end = record.end - size <= limit ? record.end : end;
  }
  return end;
}

WalBuilder some_records() {
  WalBuilder wal(segment_start);
  wal.add_heap(100);
  wal.fill_until(16);
  wal.add_heap(10);
  wal.add_heap(20001);
  wal.add_heap(30);
  return wal;
}

}  // namespace

TEST_CASE("WAL cut anywhere is valid up to its last whole record", "[wal_valid_end]") {
  const WalBuilder wal = some_records();
  for (std::size_t cut = 0; cut <= wal.bytes.size(); cut += cut < 400 || cut > 8000 ? 1 + cut / 9000 * 131 : 97) {
    const std::uint64_t expected = last_end_until(wal, segment_start + cut);
    std::string bytes = wal.bytes.substr(0, cut);
    INFO(cut);
    CHECK(valid_end(bytes) == expected);
    bytes.resize(built_segment_size);  // space that was allocated and never written; zeros are right as a record's padding
    CHECK(valid_end(bytes) == last_end_until(wal, segment_start + cut, Padding::given));
  }
}

TEST_CASE("garbage behind WAL is not taken for it", "[wal_valid_end]") {
  const WalBuilder wal = some_records();
  std::string bytes = wal.bytes;
  bytes.resize(built_segment_size, '\x37');
  CHECK(valid_end(bytes) == wal.next());
  // A sector in the middle that was not written, though what follows it was.
  for (const BuiltRecord& record : wal.records) {
    bytes = wal.bytes;
    bytes.replace(static_cast<std::size_t>(record.start - segment_start) + 12, 12, 12, '\0');
    CHECK(valid_end(bytes) == last_end_until(wal, record.start));
  }
  // An older segment's page, with records that are right in themselves.
  WalBuilder older(segment_start - built_segment_size);
  older.add_heap(3 * built_page_size);
  bytes = wal.bytes.substr(0, built_page_size) + older.bytes.substr(built_page_size);
  CHECK(valid_end(bytes) == last_end_until(wal, segment_start + built_page_size));
}

TEST_CASE("a record that began in the segment before counts with one that follows it", "[wal_valid_end]") {
  WalBuilder wal(segment_start);
  wal.add_foreign(20000);
  const std::uint64_t behind = wal.next();
  CHECK(valid_end(wal.bytes) == segment_start);
  wal.add_heap(10);
  CHECK(valid_end(wal.bytes) == wal.next());
  CHECK(wal.next() > behind);
  std::string bytes = wal.bytes;
  bytes.back() = 'x';  // in the padding; no CRC covers it
  CHECK(valid_end(bytes) == wal.next());
  bytes[bytes.size() - 8] = 'x';
  CHECK(valid_end(bytes) == segment_start);
  WalBuilder whole(segment_start);
  whole.add_foreign(2 * built_segment_size);
  CHECK(valid_end(whole.bytes.substr(0, built_segment_size)) == segment_start);
}

TEST_CASE("a switched segment is valid to its end, if its padding is", "[wal_valid_end]") {
  WalBuilder wal = some_records();
  const std::uint64_t behind = wal.next() + 24;
  wal.add_switch();
  REQUIRE(wal.bytes.size() == built_segment_size);
  CHECK(valid_end(wal.bytes) == segment_start + built_segment_size);
  CHECK(valid_end(std::string_view(wal.bytes).substr(0, built_segment_size - 1)) == behind);
  wal.bytes.back() = 1;
  CHECK(valid_end(wal.bytes) == behind);
}

TEST_CASE("a segment full of records is valid to its last whole one", "[wal_valid_end]") {
  WalBuilder wal(segment_start);
  while (wal.next() < segment_start + built_segment_size) {
    wal.add_heap(777);
  }
  CHECK(valid_end(wal.bytes.substr(0, built_segment_size)) == last_end_until(wal, segment_start + built_segment_size));
  CHECK(valid_end(wal.bytes) == last_end_until(wal, segment_start + built_segment_size));  // nothing is read behind a segment
}

TEST_CASE("a file that does not begin as its segment has no valid WAL", "[wal_valid_end]") {
  const WalBuilder wal = some_records();
  CHECK(valid_end("") == segment_start);
  CHECK(valid_end(std::string(built_segment_size, '\0')) == segment_start);
  CHECK(valid_end(std::string(built_segment_size, '\x55')) == segment_start);
  WalSegmentExpectation other = expectation;
  other.segment.number = 6;
  CHECK(valid_end(wal.bytes, other) == 6 * std::uint64_t{built_segment_size});
  other = expectation;
  other.major_version = 16;
  CHECK(valid_end(wal.bytes, other) == segment_start);
  other = expectation;
  other.system_identifier = 1;
  CHECK(corruption_of([&] { valid_end(wal.bytes, other); }).context("field") == "system identifier");
}

TEST_CASE("a segment that is still written ends with its last whole record, whatever the file was before", "[wal_valid_end]") {
  const WalBuilder wal = some_records();
  WalBuilder older(segment_start - built_segment_size);
  older.add_heap(2 * built_segment_size);
  for (const std::size_t cut : {std::size_t{100}, std::size_t{8192}, std::size_t{16000}, std::size_t{20000}, wal.bytes.size()}) {
    INFO(cut);
    std::string zeros = wal.bytes.substr(0, cut);
    zeros.resize(built_segment_size);
    // A page is written as a whole.
    std::string recycled = zeros.substr(0, (cut + built_page_size - 1) / built_page_size * built_page_size);
    recycled += older.bytes.substr(recycled.size(), built_segment_size - recycled.size());
    const std::uint64_t end = last_end_until(wal, segment_start + cut, Padding::given);
    CHECK(unfinished_end(zeros) == end);
    CHECK(unfinished_end(recycled) == end);
  }
}

TEST_CASE("a segment that is full, switched or damaged is not taken for one that is still written", "[wal_valid_end]") {
  WalBuilder full(segment_start);
  while (full.next() < segment_start + built_segment_size) {
    full.add_heap(777);
  }
  const std::string bytes = full.bytes.substr(0, built_segment_size);
  CHECK(unfinished_end(bytes) == std::nullopt);
  WalBuilder switched = some_records();
  switched.add_switch();
  CHECK(unfinished_end(switched.bytes) == std::nullopt);
  for (const std::size_t at : {std::size_t{300}, std::size_t{3} * 8192, std::size_t{built_segment_size - 2000}}) {
    std::string damaged = bytes;
    damaged[at] ^= 1;
    INFO(at);
    CHECK(unfinished_end(damaged) == std::nullopt);
  }
  std::string holed = bytes;  // a sector of zeros, and WAL behind it
  const auto record = full.records[3];
  holed.replace(static_cast<std::size_t>(record.start - segment_start), 512, 512, '\0');
  CHECK(corruption_of([&] { unfinished_end(holed); }).context("lsn") == Lsn{record.start}.to_string());
  CHECK(unfinished_end(std::string(built_segment_size, '\0')) == std::nullopt);
}

TEST_CASE("an error of the file's reading is handed on", "[wal_valid_end]") {
  const WalBuilder wal = some_records();
  const WalSegmentSource read = [&](std::uint64_t offset, MutableByteView buffer) -> std::size_t {
    if (offset != 0) {
      throw Error(ErrorKind::store_unreachable, "the disk fails");
    }
    std::copy_n(bytes_of(wal.bytes).begin(), 100, buffer.begin());
    return 100;
  };
  CHECK_THROWS_WITH(valid_wal_end(read, expectation), "the disk fails");
}

}  // namespace wal_valid_end_test
