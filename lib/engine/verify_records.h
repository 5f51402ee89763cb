#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "postgres/wal_records.h"

namespace pgrecall {

// The WAL records of one segment: their CRC-32C, and that one follows the other to the segment's end or to where its WAL ends.
// What the server's disk, its memory or a damaged archive command did to WAL before it came here, no hash of ours can tell. Of
// two records only page headers and lengths are looked at: the one that began in the segment before, and the one that goes on in
// the next. One thread at a time.
class SegmentRecords {
 public:
  explicit SegmentRecords(const WalSegment& segment) : segment_(segment) {}

  // The segment's bytes from its start on, in order; they have passed a WalPageChecker, or will.
  void feed(ByteView bytes);

  // Whether the repository has WAL of the timeline in the segment behind this one.
  enum class Behind { stored, unknown };
  // `zero_tail` is WalPageChecker::zero_tail_offset(). Error{corruption} with `lsn` where recovery would stop although WAL goes
  // on. WAL may end with a record that was never written to its end: what is wrong in the last page that is not zero, with
  // nothing behind it, is taken for that.
  void judge(std::uint64_t zero_tail, Behind behind) const;

 private:
  class LastRecord final : public WalRecordSink {
   public:
    void on_record(const WalRecord& record) override { switched = is_switch(record); }
    bool switched = false;
  };

  void walk(ByteView bytes);

  const WalSegment segment_;
  LastRecord last_;
  std::uint64_t page_size_ = default_wal_page_size;
  std::optional<WalRecordReader> reader_;
  std::optional<Error> wrong_;
  Bytes beginning_;  // until the first page's header is there
};

}  // namespace pgrecall
