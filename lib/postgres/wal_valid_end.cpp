#include <algorithm>
#include <array>

#include "base/error.h"
#include "postgres/wal_reading.h"
#include "postgres/wal_records.h"

namespace pgrecall {

using namespace wal_reading;

namespace {

constexpr std::size_t read_size = 256 * 1024;
constexpr std::size_t address_in_page = 8;  // in every page's header

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

// Reads a segment from its start until its end, or until what is behind the end of its WAL.
class Walk {
 public:
  Walk(const WalSegmentSource& read, const WalSegmentExpectation& expectation)
      : read_(read), size_(expectation.segment.size), start_(expectation.segment.start()), end_(start_) {
    Bytes buffer(std::min<std::size_t>(read_size, size_));
    std::size_t filled = read_piece(buffer);
    begins_ = begins_as_expected(ByteView(buffer).first(filled), expectation);
    if (!begins_) {
      return;
    }
    NoSink sink;
    // Checked just now; pages are of any size PostgreSQL can be built with.
    page_size_ = load_little<std::uint32_t>(buffer.data() + wal_page_size_offset);
    std::copy_n(buffer.begin(), magic_.size(), magic_.begin());
    WalRecordReader reader({start_, size_, page_size_, expectation.major_version}, WalRecordCrc::check, sink);
    while (filled > 0 && feed(reader, ByteView(buffer).first(filled)) && !reader.ended()) {
      filled = read_piece(buffer);
    }
    zeros_ = reader.ended() ? std::optional(reader.ended_at()) : std::nullopt;
    end_ = reader.count() == 0 ? start_ : reader.position();
  }

  // Behind the last whole record.
  [[nodiscard]] Lsn end() const noexcept { return end_; }
  [[nodiscard]] bool begins() const noexcept { return begins_; }
  // Where zeros end the WAL, if they do.
  [[nodiscard]] const std::optional<Lsn>& zeros() const noexcept { return zeros_; }
  // The first record or page that cannot be; nothing when the segment is good to its last byte, or zeros end it.
  [[nodiscard]] const std::optional<Lsn>& wrong() const noexcept { return wrong_; }
  // From there on there are whole pages only.
  [[nodiscard]] Lsn next_page(Lsn from) const noexcept { return Lsn{(from.value + page_size_ - 1) / page_size_ * page_size_}; }
  // The first page from there on that says it is the one of this place.
  [[nodiscard]] std::optional<Lsn> page_in_place(Lsn from) const {
    for (std::uint64_t at = next_page(from).value - start_.value; at < size_; at += page_size_) {
      std::array<std::byte, address_in_page + sizeof(std::uint64_t)> header{};
      if (read_(at, header) == header.size() && std::equal(magic_.begin(), magic_.end(), header.begin()) &&
          load_little<std::uint64_t>(header.data() + address_in_page) == start_.value + at) {
        return Lsn{start_.value + at};
      }
    }
    return std::nullopt;
  }

 private:
  std::size_t read_piece(MutableByteView buffer) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), size_ - offset_);
    std::size_t filled = 0;
    while (filled < wanted) {
      const std::size_t count = read_(offset_, buffer.subspan(filled, static_cast<std::size_t>(wanted) - filled));
      if (count == 0) {
        break;
      }
      filled += count;
      offset_ += count;
    }
    return filled;
  }

  // False at the first byte that cannot be.
  bool feed(WalRecordReader& reader, ByteView bytes) {
    try {
      reader.feed(bytes);
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      wrong_ = Lsn::parse(error.context("lsn"));
      return false;
    }
  }

  const WalSegmentSource& read_;
  const std::uint32_t size_;
  const Lsn start_;
  std::uint64_t offset_ = 0;
  std::uint32_t page_size_ = default_wal_page_size;
  std::array<std::byte, sizeof(std::uint16_t)> magic_{};
  bool begins_ = false;
  std::optional<Lsn> zeros_;
  std::optional<Lsn> wrong_;
  Lsn end_;
};

}  // namespace

Lsn valid_wal_end(const WalSegmentSource& read, const WalSegmentExpectation& expectation) {
  return Walk(read, expectation).end();
}

std::optional<Lsn> unfinished_wal_end(const WalSegmentSource& read, const WalSegmentExpectation& expectation) {
  const Walk walk(read, expectation);
  const auto& wrong = walk.wrong();
  if (!walk.begins() || (!walk.zeros() && !wrong)) {
    return std::nullopt;
  }
  // Nothing stands behind the last page to tell whether what is wrong in it was ever written.
  if (wrong && walk.next_page(*wrong) >= expectation.segment.end()) {
    return std::nullopt;
  }
  const auto behind = walk.page_in_place(wrong ? *wrong : *walk.zeros());
  if (!behind) {
    return walk.end();
  }
  if (walk.zeros()) {
    throw Error(ErrorKind::corruption, "WAL goes on behind zeros in this segment", "the server's disk lost a part of it")
        .with("lsn", walk.end().to_string())
        .with("goes on at", behind->to_string());
  }
  return std::nullopt;
}

}  // namespace pgrecall
