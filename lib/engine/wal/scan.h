#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/wal/stored_segment.h"
#include "postgres/timeline_history.h"
#include "postgres/wal_records.h"

namespace pgrecall {

// One record that recovery can stop at.
struct WalStopPoint {
  Lsn start;
  Lsn end;
  std::optional<TransactionEnd> transaction;
  std::optional<RestorePoint> restore_point;
};

// What the records of one segment are good for.
struct ScannedSegment {
  std::optional<Lsn> last_record;         // where the last whole record in it begins
  Lsn end;                                // behind that record; the segment's start where there is none
  std::vector<WalStopPoint> stop_points;  // in order
};

// Looks into stored WAL for what recovery will meet, a segment at a time, from the end backwards. One thread.
class WalScan {
 public:
  // here: the segment that holds the byte before `until` is the first to be given. found: `until` is what the names tell, and
  // what the spool holds behind it is looked for.
  enum class End { here, found };
  // `history` is followed.
  WalScan(const WalPlaces& places, TimelineHistory history, std::uint32_t segment_size, Lsn until, End end);

  // The segments in reverse order, down to the one that holds `from`. Nothing when there are no more.
  // Error{corruption} when a segment cannot be read, Error{cancelled}.
  [[nodiscard]] std::optional<ScannedSegment> previous(Lsn from, const std::stop_token& stop);

 private:
  // False when the segment is not there.
  [[nodiscard]] bool read(std::uint64_t number, const std::function<void(ByteView)>& sink) const;
  [[nodiscard]] std::optional<ScannedSegment> scan(std::uint64_t number) const;

  const WalPlaces& places_;
  TimelineHistory history_;
  std::uint32_t segment_size_;
  std::uint64_t next_number_ = 0;  // previous() goes on with the one before
  bool found_end_ = false;
};

}  // namespace pgrecall
