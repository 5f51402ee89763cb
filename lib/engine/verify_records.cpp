#include "engine/verify_records.h"

#include "postgres/wal_reading.h"

namespace pgrecall {

namespace {

[[noreturn]] void refuse(Lsn at, const Error& cause) {
  throw Error(ErrorKind::corruption, "recovery ends in the middle of this WAL segment, though WAL goes on behind it")
      .with("lsn", at.to_string())
      .caused_by(cause);
}

}  // namespace

void SegmentRecords::feed(ByteView bytes) {
  if (reader_) {
    walk(bytes);
    return;
  }
  beginning_.insert(beginning_.end(), bytes.begin(), bytes.end());
  if (beginning_.size() < wal_long_header_size) {
    return;
  }
  // A page size that cannot be has been refused by who checks the page headers.
  page_size_ = load_little<std::uint32_t>(beginning_.data() + wal_reading::wal_page_size_offset);
  reader_.emplace(WalRecordStart{.at = segment_.start(),
                                 .segment_size = segment_.size,
                                 .page_size = static_cast<std::uint32_t>(page_size_),
                                 .major_version = 0},
                  WalRecordCrc::check, last_);
  walk(beginning_);
  beginning_ = {};
}

void SegmentRecords::walk(ByteView bytes) {
  if (wrong_) {
    return;
  }
  try {
    reader_->feed(bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    wrong_ = error;
  }
}

void SegmentRecords::judge(std::uint64_t zero_tail, Behind behind) const {
  // Recovery looks at nothing behind a switch.
  if (!reader_ || last_.switched) {
    return;
  }
  const std::uint64_t looked_at = reader_->ended_at().value - segment_.start().value;
  const std::uint64_t page_end = (looked_at + page_size_ - 1) / page_size_ * page_size_;
  if (behind == Behind::unknown && page_end >= zero_tail) {
    return;
  }
  if (wrong_) {
    refuse(reader_->position(), *wrong_);
  }
  // A segment without a record may hold but the rest of a switch that began in the one before.
  if (reader_->ended() && (page_end < zero_tail || reader_->count() > 0)) {
    refuse(reader_->ended_at(), Error(ErrorKind::corruption, "zeros where a record should begin"));
  }
}

}  // namespace pgrecall
