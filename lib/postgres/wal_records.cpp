#include "postgres/wal_records.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/all_zero.h"
#include "base/error.h"
#include "postgres/crc32c.h"
#include "postgres/wal_reading.h"
#include "postgres/wal_record_kinds.h"

namespace pgrecall {

using namespace wal_reading;

namespace {

// XLogRecord.
constexpr std::size_t record_header_size = 24;
constexpr std::size_t transaction_offset = 4;
constexpr std::size_t previous_offset = 8;
constexpr std::size_t info_offset = 16;
constexpr std::size_t resource_manager_offset = 17;
constexpr std::size_t crc_offset = 20;
constexpr std::uint32_t longest_record = (1U << 30U) - 1;  // PostgreSQL's own limit for one allocation
constexpr std::uint64_t alignment = 8;

constexpr std::uint64_t align_up(std::uint64_t value) { return (value + alignment - 1) & ~(alignment - 1); }

WalRecordData::PreparedTransaction prepared_transaction_of(const WalRecord& record) {
  const auto operation = static_cast<std::uint8_t>(record.info & wal_kind::transaction_operation_bits);
  const bool there = record.resource_manager == wal_kind::transaction_manager &&
                     (record.info & wal_kind::transaction_has_xinfo) != 0 &&
                     (operation == wal_kind::commit_prepared || operation == wal_kind::abort_prepared);
  return there ? WalRecordData::PreparedTransaction::sought : WalRecordData::PreparedTransaction::none;
}

bool has_wanted_data(const WalRecord& record) {
  return record.resource_manager == wal_kind::xlog_manager || record.resource_manager == wal_kind::transaction_manager;
}

}  // namespace

WalRecordReader::WalRecordReader(const WalRecordStart& start, WalRecordCrc crc, WalRecordSink& sink)
    : sink_(sink),
      segment_size_(start.segment_size),
      page_size_(start.page_size),
      major_version_(start.major_version),
      check_crc_(crc == WalRecordCrc::check),
      next_(start.at),
      position_(start.at) {
  const bool sizes_fit = std::has_single_bit(start.page_size) && start.page_size >= 1024 && start.page_size <= 65536 &&
                         valid_segment_size(start.segment_size);
  if (!sizes_fit) {
    throw Error(ErrorKind::failed, "no sizes of WAL segments and pages")
        .with("segment_size", start.segment_size)
        .with("page_size", start.page_size);
  }
  const std::size_t header_size = start.at.value % segment_size_ == page_offset() ? wal_long_header_size : wal_short_header_size;
  first_page_ = page_offset() == 0;
  if (!first_page_ && (page_offset() < header_size || start.at.value % alignment != 0)) {
    throw Error(ErrorKind::failed, "no WAL record can begin here").with("lsn", start.at.to_string());
  }
  if (!first_page_ && major_version_ == 0) {
    throw Error(ErrorKind::failed, "reading WAL inside a page needs its major version").with("lsn", start.at.to_string());
  }
}

void WalRecordReader::feed(ByteView bytes) {
  if (step_ == Step::failed) {
    throw Error(ErrorKind::failed, "WAL fed behind an error").with("lsn", position_.to_string());
  }
  try {
    walk(bytes);
  } catch (...) {
    step_ = Step::failed;  // halfway through a step, from which none goes on
    throw;
  }
}

void WalRecordReader::walk(ByteView bytes) {
  while (!bytes.empty() && step_ != Step::ended) {
    if (page_offset() == 0 && step_ != Step::switch_rest) {
      read_page_header(bytes);
      continue;
    }
    switch (step_) {
      case Step::record_header:
        if (record_header_filled_ == 0) {
          read_whole_records(bytes);
        }
        if (step_ == Step::record_header && page_offset() != 0) {
          read_record_header(bytes);
        }
        break;
      case Step::body: read_body(bytes); break;
      case Step::foreign: pass_foreign(bytes); break;
      case Step::alignment: pass_alignment(bytes); break;
      case Step::switch_rest: pass_switch_rest(bytes); break;
      case Step::ended:
      case Step::failed: break;
    }
  }
}

void WalRecordReader::advance(ByteView& bytes, std::size_t count) noexcept {
  next_.value += count;
  bytes = bytes.subspan(count);
}

// Records that lie whole in the piece and in one page: nearly all there are, and the only ones that need no copy.
void WalRecordReader::read_whole_records(ByteView& bytes) {
  while (bytes.size() >= record_header_size && step_ == Step::record_header) {
    const std::size_t room = room_in_page();
    const auto length = load_little<std::uint32_t>(bytes.data());
    const std::uint64_t taken = align_up(length);
    if (room == page_size_ || length < record_header_size || taken > std::min(room, bytes.size())) {
      return;  // left to the steps, which tell what it is
    }
    record_.start = next_;
    record_.length = length;
    load_record_header(bytes.data());
    std::memcpy(record_header_.data(), bytes.data(), record_header_size);
    begin_body();
    const ByteView body = bytes.subspan(record_header_size, length - record_header_size);
    check_body(body);
    record_.body = body_wanted_ ? body.first(std::min(body.size(), wal_body_limit)) : ByteView();
    advance(bytes, static_cast<std::size_t>(taken));
    finish_record();
  }
}

void WalRecordReader::read_record_header(ByteView& bytes) {
  if (record_header_filled_ == 0) {
    record_.start = next_;
  }
  const std::size_t taken = std::min({record_header_size - record_header_filled_, room_in_page(), bytes.size()});
  const bool had_length = record_header_filled_ >= sizeof(std::uint32_t);
  std::memcpy(record_header_.data() + record_header_filled_, bytes.data(), taken);
  record_header_filled_ += taken;
  advance(bytes, taken);
  if (had_length) {
    left_ -= static_cast<std::uint32_t>(taken);
  } else if (record_header_filled_ >= sizeof(std::uint32_t)) {
    begin_record();
  }
  if (record_header_filled_ == record_header_size && step_ == Step::record_header) {
    load_record_header(record_header_.data());
    begin_body();
    if (left_ == 0) {
      end_alignment();
    }
  }
}

// The record's length is there.
void WalRecordReader::begin_record() {
  const auto length = load_little<std::uint32_t>(record_header_.data());
  if (length == 0) {
    step_ = Step::ended;
    return;
  }
  if (length < record_header_size || length > longest_record) {
    throw bad("WAL record of a length that cannot be", record_.start).with("found", length);
  }
  record_.length = length;
  left_ = length - static_cast<std::uint32_t>(record_header_filled_);
}

void WalRecordReader::load_record_header(const std::byte* header) {
  record_.transaction = load_little<std::uint32_t>(header + transaction_offset);
  record_.previous = Lsn{load_little<std::uint64_t>(header + previous_offset)};
  record_.info = load_little<std::uint8_t>(header + info_offset);
  record_.resource_manager = load_little<std::uint8_t>(header + resource_manager_offset);
  stored_crc_ = load_little<std::uint32_t>(header + crc_offset);
  if (record_.resource_manager > wal_kind::last_builtin_manager && record_.resource_manager < wal_kind::first_custom_manager) {
    throw bad("WAL record of no resource manager", record_.start).with("found", record_.resource_manager);
  }
  const bool fits = previous_.valid() ? record_.previous == previous_ : record_.previous < record_.start;
  if (!fits) {
    throw bad("WAL record that does not follow the one before it", record_.start, record_.previous.value, previous_.value);
  }
}

void WalRecordReader::begin_body() {
  step_ = Step::body;
  body_crc_ = 0;
  body_.clear();
  record_.body = {};
  body_wanted_ = sink_.wants_body(record_);
  if (has_wanted_data(record_)) {
    const auto length = static_cast<std::uint32_t>(record_.length - record_header_size);
    data_.begin(length, major_version_, prepared_transaction_of(record_));
  }
}

void WalRecordReader::take_body(ByteView part) {
  check_body(part);
  if (body_wanted_) {
    const ByteView kept = part.first(std::min(part.size(), wal_body_limit - body_.size()));
    body_.insert(body_.end(), kept.begin(), kept.end());
    record_.body = body_;
  }
}

void WalRecordReader::check_body(ByteView part) {
  if (check_crc_) {
    body_crc_ = crc32c_extend(body_crc_, part);
  }
  if (has_wanted_data(record_) && !part.empty()) {
    try {
      data_.take(part);
    } catch (Error& error) {
      throw std::move(error).with("lsn", record_.start.to_string());
    }
  }
}

void WalRecordReader::read_body(ByteView& bytes) {
  const std::size_t taken = std::min({std::size_t{left_}, room_in_page(), bytes.size()});
  take_body(bytes.first(taken));
  advance(bytes, taken);
  left_ -= static_cast<std::uint32_t>(taken);
  if (left_ == 0) {
    end_alignment();
  }
}

void WalRecordReader::pass_foreign(ByteView& bytes) {
  const std::size_t taken = std::min({std::size_t{left_}, room_in_page(), bytes.size()});
  advance(bytes, taken);
  left_ -= static_cast<std::uint32_t>(taken);
  if (left_ == 0) {
    end_alignment();
  }
}

void WalRecordReader::pass_alignment(ByteView& bytes) {
  const std::uint64_t to_pass = align_up(next_.value) - next_.value;
  advance(bytes, std::min(static_cast<std::size_t>(to_pass), bytes.size()));
  end_alignment();
}

// The record's last byte was read, and perhaps its padding.
void WalRecordReader::end_alignment() {
  if (next_.value % alignment != 0) {
    step_ = Step::alignment;
  } else if (record_.length != 0) {
    finish_record();
  } else {
    position_ = next_;
    step_ = Step::record_header;
  }
}

void WalRecordReader::finish_record() {
  if (check_crc_) {
    const std::uint32_t crc = crc32c_extend(body_crc_, ByteView(record_header_).first(crc_offset));
    if (crc != stored_crc_) {
      throw bad("WAL record with a wrong CRC", record_.start, stored_crc_, crc);
    }
  }
  record_.end = is_switch(record_) && next_.value % segment_size_ != 0 ? segment_end() : next_;
  const bool has_data = has_wanted_data(record_);
  record_.main_data = has_data ? data_.main_data_head() : ByteView();
  record_.prepared_transaction = has_data ? data_.prepared_transaction() : 0;
  step_ = record_.end == next_ ? Step::record_header : Step::switch_rest;
  position_ = next_;
  previous_ = record_.start;
  record_header_filled_ = 0;
  ++count_;
  sink_.on_record(record_);
  record_.length = 0;
  record_.body = {};
}

void WalRecordReader::pass_switch_rest(ByteView& bytes) {
  const Lsn end = segment_end();
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(end.value - next_.value, bytes.size()));
  if (check_crc_ && !all_zero(bytes.first(taken))) {
    throw bad("bytes behind the switch to the next WAL segment", next_);
  }
  advance(bytes, taken);
  if (next_ == end) {
    position_ = next_;
    step_ = Step::record_header;
  }
}

}  // namespace pgrecall
