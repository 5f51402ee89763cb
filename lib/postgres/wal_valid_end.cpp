#include <algorithm>

#include "base/error.h"
#include "postgres/wal_reading.h"
#include "postgres/wal_records.h"

namespace pgrecall {

using namespace wal_reading;

namespace {

constexpr std::size_t read_size = 256 * 1024;

class NoSink final : public WalRecordSink {
 public:
  void on_record(const WalRecord& /*record*/) override {}
};

// False where the file does not begin as a segment does.
bool begins_as_expected(ByteView beginning, const WalSegmentExpectation& expectation) {
  try {
    check_wal_header(beginning, expectation);
    return true;
  } catch (const Error& error) {
    if (error.context("field") != "system identifier") {
      return false;
    }
    // Whole WAL of another cluster is nothing to write over; a header that was half written is no WAL at all.
    WalSegmentExpectation other = expectation;
    other.system_identifier = load_little<std::uint64_t>(beginning.data() + wal_system_identifier_offset);
    if (begins_as_expected(beginning, other)) {
      throw;
    }
    return false;
  }
}

// False at the first byte that cannot be.
bool feed_all(WalRecordReader& reader, ByteView bytes) {
  try {
    reader.feed(bytes);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return false;
  }
}

}  // namespace

Lsn valid_wal_end(const WalSegmentSource& read, const WalSegmentExpectation& expectation) {
  const std::uint32_t segment_size = expectation.segment.size;
  const Lsn start = expectation.segment.start();
  Bytes buffer(std::min<std::size_t>(read_size, segment_size));
  std::uint64_t offset = 0;
  const auto read_on = [&] {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), segment_size - offset);
    std::size_t filled = 0;
    while (filled < wanted) {
      const std::size_t count = read(offset, MutableByteView(buffer).subspan(filled, static_cast<std::size_t>(wanted) - filled));
      if (count == 0) {
        break;
      }
      filled += count;
      offset += count;
    }
    return ByteView(buffer).first(filled);
  };

  ByteView piece = read_on();
  if (!begins_as_expected(piece, expectation)) {
    return start;
  }
  NoSink sink;
  // Checked just now; pages are of any size PostgreSQL can be built with.
  const std::uint32_t page_size = load_little<std::uint32_t>(piece.data() + wal_page_size_offset);
  WalRecordReader reader({start, segment_size, page_size, expectation.major_version}, WalRecordCrc::check, sink);
  while (!piece.empty() && feed_all(reader, piece) && !reader.ended()) {
    piece = read_on();
  }
  return reader.count() == 0 ? start : reader.position();
}

}  // namespace pgrecall
