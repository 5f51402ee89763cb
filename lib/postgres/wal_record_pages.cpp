// How WalRecordReader goes from page to page.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/all_zero.h"
#include "postgres/wal_reading.h"
#include "postgres/wal_records.h"

namespace pgrecall {

using namespace wal_reading;

namespace {

// XLogPageHeaderData.
constexpr std::size_t page_flags_offset = 2;
constexpr std::size_t page_timeline_offset = 4;
constexpr std::size_t page_address_offset = 8;
constexpr std::size_t page_rest_offset = 16;
constexpr std::uint16_t continues_record = 0x0001;   // XLP_FIRST_IS_CONTRECORD
constexpr std::uint16_t long_page_header = 0x0002;   // XLP_LONG_HEADER
constexpr std::uint16_t overwrites_record = 0x0008;  // XLP_FIRST_IS_OVERWRITE_CONTRECORD
constexpr std::uint16_t all_page_flags = 0x000F;

}  // namespace

void WalRecordReader::read_page_header(ByteView& bytes) {
  const std::size_t size = next_.value % segment_size_ == 0 ? wal_long_header_size : wal_short_header_size;
  ByteView header;
  if (page_header_filled_ == 0 && bytes.size() >= size) {
    header = bytes.first(size);
    bytes = bytes.subspan(size);
  } else {
    const std::size_t taken = std::min(size - page_header_filled_, bytes.size());
    std::memcpy(page_header_.data() + page_header_filled_, bytes.data(), taken);
    page_header_filled_ += taken;
    bytes = bytes.subspan(taken);
    if (page_header_filled_ < size) {
      return;
    }
    page_header_filled_ = 0;
    header = ByteView(page_header_).first(size);
  }
  if (all_zero(header)) {
    step_ = Step::ended;
    return;
  }
  check_page_header(header);
  continue_over_page(load_little<std::uint16_t>(header.data() + page_flags_offset),
                     load_little<std::uint32_t>(header.data() + page_rest_offset));
  next_.value += size;
}

void WalRecordReader::check_page_header(ByteView header) {
  const auto magic = load_little<std::uint16_t>(header.data());
  if (magic_ == 0) {
    const auto major = major_for_wal_magic(magic);
    if (!major || (major_version_ != 0 && *major != major_version_)) {
      throw bad("WAL page of no or another major version", next_).with("found", magic).with("expected_major", major_version_);
    }
    magic_ = magic;
    major_version_ = *major;
  } else if (magic != magic_) {
    throw bad("WAL page of another major version", next_, magic, magic_);
  }
  const bool is_long = header.size() == wal_long_header_size;
  const auto flags = load_little<std::uint16_t>(header.data() + page_flags_offset);
  if ((flags & ~all_page_flags) != 0 || ((flags & long_page_header) != 0) != is_long) {
    throw bad("WAL page with flags that cannot be", next_).with("found", flags);
  }
  const auto address = load_little<std::uint64_t>(header.data() + page_address_offset);
  if (address != next_.value) {
    throw bad("WAL page with another address", next_, address, next_.value);
  }
  const auto timeline = load_little<std::uint32_t>(header.data() + page_timeline_offset);
  if (timeline == 0 || timeline < timeline_) {
    throw bad("WAL page of an earlier timeline", next_, timeline, timeline_);
  }
  timeline_ = timeline;
  if (is_long && (load_little<std::uint32_t>(header.data() + wal_segment_size_offset) != segment_size_ ||
                  load_little<std::uint32_t>(header.data() + wal_page_size_offset) != page_size_)) {
    throw bad("WAL segment of another segment or page size", next_);
  }
}

// What goes on in the page whose header was read; `rest` is how much of a record it says is to come.
void WalRecordReader::continue_over_page(std::uint16_t flags, std::uint32_t rest) {
  const bool continues = (flags & continues_record) != 0;
  const bool began_before_start = std::exchange(first_page_, false);
  if (left_ != 0) {
    if ((flags & overwrites_record) != 0) {  // a server that crashed lost the rest, and began anew here
      left_ = 0;
      record_header_filled_ = 0;
      record_.length = 0;
      step_ = Step::record_header;
    } else if (!continues || rest != left_) {
      throw bad("WAL record that does not go on in the next page", next_, continues ? rest : 0, left_)
          .with("record", record_.start.to_string());
    }
  } else if (continues) {
    if (!began_before_start || rest == 0) {
      throw bad("WAL page that continues no record", next_);
    }
    left_ = rest;
    step_ = Step::foreign;
  }
}

}  // namespace pgrecall
