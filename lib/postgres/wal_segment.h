#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/lsn.h"

namespace pgrecall {

// The page headers of WAL segments: XLogPageHeaderData and XLogLongPageHeaderData in
// src/include/access/xlog_internal.h, PostgreSQL 13 to 18, little-endian.

inline constexpr std::uint32_t default_wal_page_size = 8192;  // XLOG_BLCKSZ; pg_control knows the cluster's own
inline constexpr std::size_t wal_long_header_size = 40;       // bytes at the start of every segment

// The major version that writes XLOG_PAGE_MAGIC `magic`, 13 to 18.
[[nodiscard]] std::optional<unsigned> major_for_wal_magic(std::uint16_t magic) noexcept;

// What a segment must say about itself.
struct WalSegmentExpectation {
  std::uint64_t system_identifier = 0;
  WalSegment segment;
  unsigned major_version = 0;  // 0: any of 13 to 18
};

// What the long header at the start of a segment says, unchecked but for its form.
struct WalSegmentHeader {
  unsigned major_version = 0;
  std::uint64_t system_identifier = 0;
  std::uint32_t segment_size = 0;  // bytes; one that initdb accepts
};
// For files that somebody hands in. Error of kind corruption when these are no WAL of 13 to 18. `first_page` as below.
[[nodiscard]] WalSegmentHeader read_wal_header(ByteView first_page);

// Checks the long header at the start of a segment: magic, flags, timeline, page address, system identifier, segment size,
// page size. `first_page` holds at least wal_long_header_size bytes of the segment. Error of kind corruption with the field as
// `field`, what is there as `found` and what should be there as `expected`.
// The timeline may be lower than the segment's: on promotion the last segment of the old timeline is copied to the new name.
void check_wal_header(ByteView first_page, const WalSegmentExpectation& expectation);

// Checks every page header of one segment whose bytes come in order, in pieces of any size, none of them copied.
// A tail of zero pages is legal (a switched segment, or one that is not full yet); anything else behind a zero page is not.
// For segments that are complete, or were streamed. The unfinished segment on a server's own disk has old pages behind its end:
// those of the file it was recycled from, and after a promotion copies of the last page. One
// thread at a time.
class WalPageChecker {
 public:
  explicit WalPageChecker(const WalSegmentExpectation& expectation) : expectation_(expectation) {}

  // Error of kind corruption at the first page that does not fit, or when there is more than a segment; `offset` is the byte in
  // the segment.
  void feed(ByteView bytes);
  // The segment is complete. Error of kind corruption when bytes are missing.
  void finish() const;
  // Bytes fed so far.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  // Where the zero tail begins, counted in whole pages from the start of the segment; the segment's size when there is none.
  [[nodiscard]] std::uint64_t zero_tail_offset() const noexcept { return zero_from_.value_or(offset_); }

 private:
  void check_header(std::uint64_t page_offset);
  void check_first_page();
  void check_later_page(std::uint64_t page_offset);

  WalSegmentExpectation expectation_;
  std::uint64_t offset_ = 0;
  std::uint32_t page_size_ = default_wal_page_size;
  std::optional<std::uint64_t> zero_from_;
  std::uint16_t magic_ = 0;  // of the first page; all pages have the same
  Timeline last_timeline_ = 0;
  std::size_t buffered_ = 0;  // header bytes of the present page
  std::array<std::byte, wal_long_header_size> header_{};
};

}  // namespace pgrecall
