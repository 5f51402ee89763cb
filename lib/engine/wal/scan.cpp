#include "engine/wal/scan.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

class EventSink final : public WalRecordSink {
 public:
  EventSink(ScannedSegment& found, Lsn segment_end) : found_(found), segment_end_(segment_end) {}

  void on_record(const WalRecord& record) override {
    if (record.start >= segment_end_) {
      return;  // the next segment's
    }
    found_.last_record = record.start;
    found_.end = record.end;
    auto transaction = decode_transaction_end(record);
    auto restore_point = decode_restore_point(record);
    if (transaction || restore_point) {
      found_.stop_points.push_back({record.start, record.end, transaction, std::move(restore_point)});
    }
  }

 private:
  ScannedSegment& found_;
  Lsn segment_end_;
};

// Ends the reading of a segment of which no more is needed.
struct ReadEnough {};

}  // namespace

WalScan::WalScan(const WalPlaces& places, TimelineHistory history, std::uint32_t segment_size, Lsn until, End end)
    : places_(places),
      history_(std::move(history)),
      segment_size_(segment_size),
      next_number_(end == End::here ? (until.value + segment_size - 1) / segment_size : until.value / segment_size),
      found_end_(end == End::here) {}

// As PostgreSQL picks it: of the newest timeline that wrote into the segment, whose copy begins with what the older ones wrote;
// and of an older one where that is not there.
bool WalScan::read(std::uint64_t number, const std::function<void(ByteView)>& sink) const {
  const auto read_of = [&](Timeline timeline) {
    return read_stored_segment(places_, WalSegment{timeline, number, segment_size_}.file_name(), sink).has_value();
  };
  const Timeline newest = history_.timeline_at(Lsn{(number + 1) * segment_size_ - 1});
  const Timeline oldest = history_.timeline_at(Lsn{number * segment_size_});
  return read_of(newest) || (oldest != newest && read_of(oldest));
}

std::optional<ScannedSegment> WalScan::scan(std::uint64_t number) const {
  const Lsn start{number * segment_size_};
  const Lsn end{start.value + segment_size_};
  ScannedSegment found{.last_record = {}, .end = start, .stop_points = {}};
  EventSink sink(found, end);
  WalRecordReader reader({.at = start, .segment_size = segment_size_}, WalRecordCrc::check, sink);
  bool readable = true;
  const auto feed = [&](ByteView bytes) {
    try {
      if (readable) {
        reader.feed(bytes);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      readable = false;  // recovery ends here too
    }
  };
  if (!read(number, feed)) {
    return std::nullopt;
  }
  // The last record may go on in the next segments.
  const auto unfinished = [&] { return readable && !reader.ended() && reader.position() < end; };
  for (std::uint64_t further = number + 1; unfinished(); ++further) {
    try {
      const bool more = read(further, [&](ByteView bytes) {
        feed(bytes);
        if (!unfinished()) {
          throw ReadEnough{};
        }
      });
      if (!more) {
        break;
      }
    } catch (const ReadEnough&) {
      break;
    }
  }
  return found;
}

std::optional<ScannedSegment> WalScan::previous(Lsn from, const std::stop_token& stop) {
  if (!found_end_) {
    found_end_ = true;
    std::optional<ScannedSegment> last;
    while (auto further = scan(next_number_)) {
      throw_if_stopped(stop);
      last = std::move(further);
      ++next_number_;
    }
    // `last` is scanned again only where there is none behind the end that was told.
    if (last) {
      --next_number_;
      return last;
    }
  }
  if (next_number_ == 0 || (next_number_ - 1) < from.value / segment_size_) {
    return std::nullopt;
  }
  throw_if_stopped(stop);
  --next_number_;
  auto found = scan(next_number_);
  if (!found) {
    throw Error(ErrorKind::corruption, "WAL vanished while it was read", "run the command again")
        .with("segment", WalSegment{history_.timeline, next_number_, segment_size_}.file_name());
  }
  return found;
}

}  // namespace pgrecall
