#include "engine/undo/change_range.h"

#include <algorithm>

#include "base/error.h"
#include "engine/undo/wal_read_ahead.h"
#include "io/rate_limiter.h"
#include "postgres/wal_record_kinds.h"
#include "postgres/wal_records.h"

namespace pgrecall {

namespace {

using namespace std::chrono_literals;

constexpr auto name_resolution = 1s;  // what names of time marks leave out
// Between the server, whose clock is in the WAL, and the host that took a backup; and between transactions that end nearly at
// once, whose times are not quite in the order of their LSNs.
constexpr auto clock_difference = 60s;
constexpr std::uint64_t segments_looked_at = 64;

// At `earliest` or later, `latest` or earlier, no WAL behind `lsn` had been written.
struct Anchor {
  Lsn lsn;
  Time earliest;
  Time latest;
};

std::vector<std::pair<Timeline, Lsn>> timelines_of(const TimelineHistory& history) {
  std::vector<std::pair<Timeline, Lsn>> all;  // with where they were left; the last one nowhere
  for (const TimelineSwitch& ancestor : history.ancestors) {
    all.emplace_back(ancestor.timeline, ancestor.switch_lsn);
  }
  all.emplace_back(history.timeline, Lsn{});
  return all;
}

std::vector<Anchor> anchors_of(const RecoveryWindow& window, const TimelineHistory& history) {
  std::vector<Anchor> anchors;
  for (const auto& [timeline, left] : timelines_of(history)) {
    if (const auto held = window.wal.timelines.find(timeline); held != window.wal.timelines.end()) {
      for (const WalTime& mark : held->second.times) {
        if (!left.valid() || mark.lsn <= left) {
          anchors.push_back({mark.lsn, mark.time, mark.time + name_resolution});
        }
      }
    }
    for (const ListedBackup& backup : window.backups) {
      const BackupSummary& summary = backup.summary;
      if (summary.timeline == timeline && (!left.valid() || summary.start_lsn <= left)) {
        anchors.push_back({summary.start_lsn, summary.started - clock_difference, summary.started + clock_difference});
      }
    }
  }
  return anchors;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> segments_of(const RecoveryWindow& window, const TimelineHistory& history) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (const auto& [timeline, left] : timelines_of(history)) {
    const auto held = window.wal.timelines.find(timeline);
    if (held == window.wal.timelines.end()) {
      continue;
    }
    const std::uint64_t most = left.valid() ? left.value / window.segment_size : ~std::uint64_t{0};
    const auto add = [&](std::uint64_t first, std::uint64_t last) {
      if (first <= most) {
        found.emplace_back(first, std::min(last, most));
      }
    };
    for (const TimelineWal::Range& range : held->second.ranges) {
      add(range.first, range.last);
    }
    for (const TimelineWal::Tail& tail : held->second.tails) {
      add(tail.segment.number, tail.segment.number);
    }
  }
  std::ranges::sort(found);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> joined;
  for (const auto& [first, last] : found) {
    if (joined.empty() || first > joined.back().second + 1) {
      joined.emplace_back(first, last);
    } else {
      joined.back().second = std::max(joined.back().second, last);
    }
  }
  return joined;
}

class CheckpointSink final : public WalRecordSink {
 public:
  explicit CheckpointSink(Lsn at_most) : at_most_(at_most) {}

  void on_record(const WalRecord& record) override {
    const auto operation = record.info & wal_kind::xlog_operation_bits;
    if (record.resource_manager != wal_kind::xlog_manager || record.main_data.size() < sizeof(std::uint64_t) ||
        (operation != wal_kind::checkpoint_online && operation != wal_kind::checkpoint_at_shutdown)) {
      return;
    }
    const Lsn redo{load_little<std::uint64_t>(record.main_data.data())};  // the first field of CheckPoint
    if (redo <= at_most_ && redo > found_) {
      found_ = redo;
    }
  }
  [[nodiscard]] Lsn found() const noexcept { return found_; }

 private:
  Lsn at_most_;
  Lsn found_;
};

// 0/0 when the segment tells of none.
Lsn checkpoint_in(const WalPlaces& places, const TimelineHistory& history, std::uint64_t number, std::uint32_t segment_size,
                  Lsn at_most) {
  CheckpointSink sink(at_most);
  WalRecordReader reader({.at = Lsn{number * segment_size}, .segment_size = segment_size}, WalRecordCrc::skip, sink);
  try {
    static_cast<void>(read_segment_of(places, history, number, segment_size, [&](ByteView bytes) { reader.feed(bytes); }));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption && error.kind() != ErrorKind::failed) {
      throw;
    }
    // Whoever reads it for good says so.
  }
  return sink.found();
}

struct FirstEnd {
  Time time;
};

class FirstEndSink final : public WalRecordSink {
 public:
  // Ends the reading with what was looked for.
  void on_record(const WalRecord& record) override {
    if (const auto end = decode_transaction_end(record)) {
      throw FirstEnd{end->time};
    }
  }
};

// When the first transaction of the segment ended; nothing where none did, or it cannot be read.
std::optional<Time> first_end_in(const WalPlaces& places, const TimelineHistory& history, std::uint64_t number,
                                 std::uint32_t segment_size) {
  FirstEndSink sink;
  WalRecordReader reader({.at = Lsn{number * segment_size}, .segment_size = segment_size}, WalRecordCrc::skip, sink);
  try {
    static_cast<void>(read_segment_of(places, history, number, segment_size, [&](ByteView bytes) { reader.feed(bytes); }));
  } catch (const FirstEnd& found) {
    return found.time;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    // Whoever reads it for good says so.
  }
  return std::nullopt;
}

}  // namespace

ChangeRange choose_range(const RecoveryWindow& window, const TimelineHistory& history, const ChangeSearch& search) {
  ChangeRange range;
  range.segments = segments_of(window, history);
  if (range.segments.empty()) {
    throw Error(ErrorKind::target_unreachable, "the repository holds no WAL of this timeline",
                "pgrecall wal status " + search.cluster + " tells what there is")
        .with("cluster", search.cluster)
        .with("timeline", history.timeline);
  }
  range.from = search.from_lsn.value_or(Lsn{range.segments.front().first * window.segment_size});
  range.until = search.to_lsn;
  for (const Anchor& anchor : anchors_of(window, history)) {
    if (!search.from_lsn && search.from && anchor.latest <= *search.from) {
      range.from = std::max(range.from, anchor.lsn);
    }
    if (!search.to_lsn && search.to && anchor.earliest >= *search.to) {
      range.until = std::min(range.until.value_or(anchor.lsn), anchor.lsn);
    }
  }
  for (const ListedBackup& backup : window.backups) {
    if (history.descends_from(backup.summary.timeline) && (range.backup == nullptr || backup.summary.start_lsn <= range.from)) {
      range.backup = &backup;
    }
  }
  return range;
}

Lsn narrow_to_time(const WalPlaces& places, const TimelineHistory& history, const ChangeRange& range, Time time,
                   std::uint32_t segment_size, const std::stop_token& stop) {
  constexpr std::uint64_t close_enough = 4;  // segments
  std::uint64_t low = range.from.value / segment_size;
  std::uint64_t high = range.last_segment();
  while (high > low + close_enough) {
    const std::uint64_t middle = low + (high - low) / 2;
    std::optional<Time> end;
    std::uint64_t number = middle;
    for (; !end && number < high; ++number) {
      throw_if_stopped(stop);
      end = first_end_in(places, history, number, segment_size);
    }
    if (end && *end + clock_difference < time) {
      low = number - 1;
    } else {
      high = middle;
    }
  }
  return std::max(range.from, Lsn{low * segment_size});
}

Lsn checkpoint_before(const WalPlaces& places, const TimelineHistory& history, const ChangeRange& range,
                      std::uint32_t segment_size, const std::stop_token& stop) {
  const std::uint64_t begin = range.from.value / segment_size;
  // A backup begins at such a position.
  const Lsn of_backup = range.backup != nullptr && range.backup->summary.start_lsn <= range.from
                            ? range.backup->summary.start_lsn
                            : Lsn{range.segments.front().first * segment_size};
  const std::uint64_t first = of_backup.value / segment_size;
  std::uint64_t number = begin;
  for (std::uint64_t looked_at = 0; looked_at < segments_looked_at && number > first; ++looked_at, --number) {
    throw_if_stopped(stop);
    if (const Lsn redo = checkpoint_in(places, history, number, segment_size, range.from); redo.valid()) {
      return std::max(redo, of_backup);
    }
  }
  return number <= first ? of_backup : Lsn{number * segment_size};
}

}  // namespace pgrecall
