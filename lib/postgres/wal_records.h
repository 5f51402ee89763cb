#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "postgres/wal_record_data.h"
#include "postgres/wal_segment.h"

namespace pgrecall {

// Walks the records of PostgreSQL 13 to 18's WAL, little-endian. The facts: the record header and its parts in
// src/include/access/xlogrecord.h; how records go over pages and segments, their CRC, and what ends the WAL in
// src/backend/access/transam/xlogreader.c; page headers and restore points in src/include/access/xlog_internal.h; transaction
// ends in src/include/access/xact.h; the padding behind a segment switch in src/backend/access/transam/xlog.c; timestamps in
// src/include/datatype/timestamp.h.

// One record. Views are valid during the sink's call only.
struct WalRecord {
  Lsn start;                               // of its header; what pg_waldump prints as "lsn"
  Lsn end;                                 // where the next one may begin: the LSN that recovery and SQL name for this record
  Lsn previous;                            // start of the record before
  std::uint32_t length = 0;                // bytes with its header, without padding and page headers
  std::uint32_t transaction = 0;           // 0: none
  std::uint8_t resource_manager = 0;       // RM_XLOG_ID is 0, RM_XACT_ID is 1
  std::uint8_t info = 0;                   // with the lower four bits, which are not the resource manager's
  ByteView main_data;                      // the first bytes, at most wal_main_data_head_size; of RM_XLOG and RM_XACT, else empty
  std::uint32_t prepared_transaction = 0;  // of COMMIT PREPARED and ROLLBACK PREPARED: the transaction that ends
  ByteView body;                           // all behind the header, where the sink wants it; at most wal_body_limit of it
};

inline constexpr std::uint32_t wal_record_header_size = 24;  // bytes, XLogRecord
// Bytes of a longer record's body that are kept: a commit names what it drops before all that can make it so long.
inline constexpr std::size_t wal_body_limit = 16U << 20U;

class WalRecordSink {
 public:
  virtual ~WalRecordSink() = default;
  // The next complete record, in order. What it throws ends the reader's feed() and reaches its caller.
  virtual void on_record(const WalRecord& record) = 0;
  // Whether on_record() is to get the body of this record, of which only the header is known yet.
  [[nodiscard]] virtual bool wants_body(const WalRecord& /*header*/) const { return false; }
};

enum class WalRecordCrc {
  check,  // every record's CRC-32C, and that padding behind a segment switch is zero
  skip,   // hops from header to header: bodies are not looked at
};

// Where reading begins, and what the WAL's pages are like.
struct WalRecordStart {
  Lsn at;  // the start of a page (hence of a segment) or of a record
  std::uint32_t segment_size = 0;
  std::uint32_t page_size = default_wal_page_size;
  unsigned major_version = 0;  // 13 to 18; 0 learns it from the first page header, and needs `at` to be the start of a page
};

// Reads WAL bytes that come in order, in pieces of any size, cut anywhere. Holds about 1.5 kB however long a record is, and the
// body that the sink wants, where that is not one run of bytes in a piece. One thread at a time.
//
// Where reading begins at a page into which a record continues, the rest of that record is passed over and not reported.
class WalRecordReader {
 public:
  // Error{failed} when `start` cannot be one. `sink` outlives the reader.
  WalRecordReader(const WalRecordStart& start, WalRecordCrc crc, WalRecordSink& sink);

  // The next bytes; those behind the end of the WAL are ignored. Error{corruption} with `lsn` at the first page or record that
  // cannot be. What is fed after an error, the sink's own included, is refused with Error{failed}.
  void feed(ByteView bytes);

  // True once the WAL ended as it legitimately does: with a zero page, or zeros where the next record's length should be.
  [[nodiscard]] bool ended() const noexcept { return step_ == Step::ended; }
  // Everything fed before this is whole records, their padding included; where the next record begins, or the page header
  // before it. Behind a switch it stands still until the rest of the segment was fed. The start while a record that began
  // before it is not over.
  [[nodiscard]] Lsn position() const noexcept { return position_; }
  // Once it has ended: where the zeros begin. That lies behind position() when a record that began was never written to its end.
  // After an error: how far it had come.
  [[nodiscard]] Lsn ended_at() const noexcept { return next_; }
  // How many records were reported.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  enum class Step {
    record_header,
    body,         // of a record whose header is there
    foreign,      // the rest of a record that began before the start
    alignment,    // up to the next multiple of 8
    switch_rest,  // the segment's rest behind XLOG_SWITCH
    ended,
    failed,
  };

  void walk(ByteView bytes);
  void read_whole_records(ByteView& bytes);
  void read_page_header(ByteView& bytes);
  void check_page_header(ByteView header);
  void continue_over_page(std::uint16_t flags, std::uint32_t rest);
  void read_record_header(ByteView& bytes);
  void begin_record();
  void load_record_header(const std::byte* header);
  void begin_body();
  void read_body(ByteView& bytes);
  void pass_foreign(ByteView& bytes);
  void pass_alignment(ByteView& bytes);
  void pass_switch_rest(ByteView& bytes);
  void take_body(ByteView part);
  void check_body(ByteView part);
  void finish_record();
  void end_alignment();

  void advance(ByteView& bytes, std::size_t count) noexcept;
  [[nodiscard]] std::uint64_t page_offset() const noexcept { return next_.value & (page_size_ - 1); }
  [[nodiscard]] std::size_t room_in_page() const noexcept { return static_cast<std::size_t>(page_size_ - page_offset()); }
  [[nodiscard]] Lsn segment_end() const noexcept { return Lsn{(next_.value | (segment_size_ - 1)) + 1}; }

  WalRecordSink& sink_;
  std::uint64_t segment_size_;
  std::uint64_t page_size_;
  unsigned major_version_;
  bool check_crc_;

  Step step_ = Step::record_header;
  Lsn next_;  // of the next byte, page header bytes in `page_header_` aside
  Lsn position_;
  bool first_page_ = false;  // the next page header is the first one, and may continue a record that we do not know
  std::uint16_t magic_ = 0;  // of the first page; all pages have the same
  Timeline timeline_ = 0;    // of the last page
  Lsn previous_;             // start of the last record; 0/0 while unknown
  std::uint64_t count_ = 0;

  std::size_t page_header_filled_ = 0;
  std::array<std::byte, wal_long_header_size> page_header_{};

  WalRecord record_;        // in work
  std::uint32_t left_ = 0;  // bytes of it, or of the foreign one, that are to come
  std::uint32_t stored_crc_ = 0;
  std::uint32_t body_crc_ = 0;
  std::size_t record_header_filled_ = 0;
  std::array<std::byte, 24> record_header_{};
  WalRecordData data_;
  bool body_wanted_ = false;
  Bytes body_;  // of a record that does not lie in one piece
};

// True for the record behind which its segment holds only padding (XLOG_SWITCH).
[[nodiscard]] bool is_switch(const WalRecord& record) noexcept;

enum class TransactionOutcome { commit, abort, commit_prepared, abort_prepared };

struct TransactionEnd {
  TransactionOutcome outcome = TransactionOutcome::commit;
  std::uint32_t transaction = 0;  // the one that ended; of a prepared one its own, not that of the session
  Time time;                      // by the server's clock; what recovery_target_time compares with
};

// Nothing when the record ends no transaction; subtransactions and PREPARE TRANSACTION do not. Error{corruption} when it is
// too short.
[[nodiscard]] std::optional<TransactionEnd> decode_transaction_end(const WalRecord& record);

struct RestorePoint {
  std::string name;  // as given to pg_create_restore_point, in the database's encoding; at most 63 bytes
  Time time;
};

[[nodiscard]] std::optional<RestorePoint> decode_restore_point(const WalRecord& record);

// Reads at most buffer.size() bytes from an offset in a segment's file; 0 at its end.
using WalSegmentSource = std::function<std::size_t(std::uint64_t offset, MutableByteView buffer)>;

// The position behind the last record of a segment's file that can be relied upon, for files that a power loss may have left
// with bytes at the end that never were written: streaming goes on from there. All records before it have the right CRC, except
// a first one that began in the segment before: it counts when its page headers are right and a right record follows. The
// segment's start when there is no such position, its end when it is whole. Never before what was fsynced, as long as that
// ended with a record.
// Reads the file in pieces, up to what is wrong. Error{corruption} when it holds the WAL of another cluster; what `read` throws.
[[nodiscard]] Lsn valid_wal_end(const WalSegmentSource& read, const WalSegmentExpectation& expectation);

// The same of a segment that its server still writes, or wrote when it ended: behind the WAL it has zeros, or pages of the file
// that it was before. Nothing when it is full or switched, and when it is damaged: no page behind the first wrong one may be in
// its place. Error{corruption} also when WAL goes on behind zeros.
[[nodiscard]] std::optional<Lsn> unfinished_wal_end(const WalSegmentSource& read, const WalSegmentExpectation& expectation);

}  // namespace pgrecall
