#include "postgres/wal_segment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/all_zero.h"
#include "base/error.h"

namespace pgrecall {

namespace {

// XLogPageHeaderData, then what XLogLongPageHeaderData adds.
constexpr std::size_t magic_offset = 0;
constexpr std::size_t page_info_offset = 2;
constexpr std::size_t timeline_offset = 4;
constexpr std::size_t address_offset = 8;
constexpr std::size_t short_header_size = 24;
constexpr std::size_t system_offset = 24;
constexpr std::size_t segment_size_offset = 32;
constexpr std::size_t page_size_offset = 36;

constexpr std::uint16_t long_header_flag = 0x0002;  // XLP_LONG_HEADER
constexpr std::uint16_t all_flags = 0x000F;         // XLP_ALL_FLAGS

struct WalMagic {
  std::uint16_t magic;
  unsigned major;
};
constexpr std::array<WalMagic, 6> magics = {{{0xD106, 13}, {0xD10D, 14}, {0xD110, 15}, {0xD113, 16}, {0xD116, 17}, {0xD118, 18}}};

Error bad_field(std::string_view field, std::uint64_t found, std::uint64_t expected, std::string_view hint = {}) {
  return Error(ErrorKind::corruption, "WAL page header does not fit its segment", std::string(hint))
      .with("field", field)
      .with("found", found)
      .with("expected", expected);
}

// The contents of a page header that every page has.
struct PageHeader {
  std::uint16_t magic;
  std::uint16_t info;
  Timeline timeline;
  std::uint64_t address;
};

PageHeader load_header(ByteView header) {
  return {load_little<std::uint16_t>(header.data() + magic_offset), load_little<std::uint16_t>(header.data() + page_info_offset),
          load_little<std::uint32_t>(header.data() + timeline_offset),
          load_little<std::uint64_t>(header.data() + address_offset)};
}

unsigned major_of(std::uint16_t magic) {
  const auto major = major_for_wal_magic(magic);
  if (!major) {
    throw Error(ErrorKind::corruption, "no WAL page of PostgreSQL 13 to 18").with("field", "magic").with("found", magic);
  }
  return *major;
}

void check_magic(std::uint16_t magic, unsigned expected_major) {
  const unsigned major = major_of(magic);
  if (expected_major != 0 && major != expected_major) {
    throw bad_field("major version", major, expected_major);
  }
}

void check_flags(std::uint16_t info) {
  if ((info & long_header_flag) == 0 || (info & ~all_flags) != 0) {
    throw bad_field("flags", info, long_header_flag);
  }
}

void check_long_header_size(ByteView first_page) {
  if (first_page.size() < wal_long_header_size) {
    throw Error(ErrorKind::corruption, "WAL segment is too short for its header").with("size", first_page.size());
  }
}

void check_timeline(Timeline found, const WalSegmentExpectation& expectation) {
  if (found == 0 || found > expectation.segment.timeline) {
    throw bad_field("timeline", found, expectation.segment.timeline);
  }
}

}  // namespace

std::optional<unsigned> major_for_wal_magic(std::uint16_t magic) noexcept {
  for (const WalMagic& known : magics) {
    if (known.magic == magic) {
      return known.major;
    }
  }
  return std::nullopt;
}

WalSegmentHeader read_wal_header(ByteView first_page) {
  check_long_header_size(first_page);
  const PageHeader header = load_header(first_page);
  const unsigned major = major_of(header.magic);
  check_flags(header.info);
  const auto segment_size = load_little<std::uint32_t>(first_page.data() + segment_size_offset);
  if (!valid_segment_size(segment_size)) {
    throw Error(ErrorKind::corruption, "WAL page header has a segment size that cannot be").with("found", segment_size);
  }
  return {major, load_little<std::uint64_t>(first_page.data() + system_offset), segment_size};
}

void check_wal_header(ByteView first_page, const WalSegmentExpectation& expectation) {
  check_long_header_size(first_page);
  const PageHeader header = load_header(first_page);
  check_magic(header.magic, expectation.major_version);
  check_flags(header.info);
  const auto system = load_little<std::uint64_t>(first_page.data() + system_offset);
  if (system != expectation.system_identifier) {
    throw bad_field("system identifier", system, expectation.system_identifier, "this is the WAL of another cluster");
  }
  check_timeline(header.timeline, expectation);
  if (header.address != expectation.segment.start().value) {
    throw bad_field("page address", header.address, expectation.segment.start().value);
  }
  const auto segment_size = load_little<std::uint32_t>(first_page.data() + segment_size_offset);
  if (segment_size != expectation.segment.size) {
    throw bad_field("segment size", segment_size, expectation.segment.size);
  }
  const auto page_size = load_little<std::uint32_t>(first_page.data() + page_size_offset);
  if (!std::has_single_bit(page_size) || page_size < 1024 || page_size > 65536) {
    throw bad_field("page size", page_size, default_wal_page_size);
  }
}

void WalPageChecker::feed(ByteView bytes) {
  if (bytes.size() > expectation_.segment.size - offset_) {
    throw Error(ErrorKind::corruption, "more bytes than a WAL segment holds").with("offset", offset_ + bytes.size());
  }
  while (!bytes.empty()) {
    std::size_t taken = bytes.size();
    if (zero_from_) {
      if (!all_zero(bytes)) {
        throw Error(ErrorKind::corruption, "bytes behind the end of the WAL in a segment").with("offset", offset_);
      }
    } else if (const std::size_t header_size = offset_ < page_size_ ? wal_long_header_size : short_header_size;
               offset_ % page_size_ < header_size) {
      taken = std::min(taken, header_size - buffered_);
      std::memcpy(header_.data() + buffered_, bytes.data(), taken);
      buffered_ += taken;
      if (buffered_ == header_size) {
        buffered_ = 0;
        check_header(offset_ + taken - header_size);
      }
    } else {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(taken, page_size_ - offset_ % page_size_));
    }
    offset_ += taken;
    bytes = bytes.subspan(taken);
  }
}

void WalPageChecker::check_header(std::uint64_t page_offset) {
  try {
    if (page_offset == 0) {
      check_first_page();
    } else if (all_zero(ByteView(header_).first(short_header_size))) {
      zero_from_ = page_offset;
    } else {
      check_later_page(page_offset);
    }
  } catch (Error& error) {
    throw std::move(error).with("segment", expectation_.segment.file_name()).with("offset", page_offset);
  }
}

void WalPageChecker::check_first_page() {
  check_wal_header(header_, expectation_);
  const PageHeader header = load_header(header_);
  magic_ = header.magic;
  last_timeline_ = header.timeline;
  page_size_ = load_little<std::uint32_t>(header_.data() + page_size_offset);
}

void WalPageChecker::check_later_page(std::uint64_t page_offset) {
  const PageHeader header = load_header(header_);
  if (header.magic != magic_) {
    throw bad_field("magic", header.magic, magic_);
  }
  if ((header.info & long_header_flag) != 0 || (header.info & ~all_flags) != 0) {
    throw bad_field("flags", header.info, 0);
  }
  if (header.address != expectation_.segment.start().value + page_offset) {
    throw bad_field("page address", header.address, expectation_.segment.start().value + page_offset);
  }
  check_timeline(header.timeline, expectation_);
  if (header.timeline < last_timeline_) {
    throw bad_field("timeline", header.timeline, last_timeline_);
  }
  last_timeline_ = header.timeline;
}

void WalPageChecker::finish() const {
  if (offset_ != expectation_.segment.size) {
    throw Error(ErrorKind::corruption, "WAL segment is incomplete")
        .with("segment", expectation_.segment.file_name())
        .with("found", offset_)
        .with("expected", expectation_.segment.size);
  }
}

}  // namespace pgrecall
