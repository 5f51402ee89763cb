#include "engine/wal/window.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "engine/wal/known_system.h"
#include "engine/wal/scan.h"
#include "repository/names.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"

namespace pgrecall {

namespace {

Lsn segment_start(Lsn lsn, std::uint32_t segment_size) { return Lsn{lsn.value - lsn.value % segment_size}; }

// The timeline that came out of `timeline` on the way to the end of the history; 0 for the last.
Timeline successor(const TimelineHistory& history, Timeline timeline) {
  for (std::size_t i = 0; i < history.ancestors.size(); ++i) {
    if (history.ancestors[i].timeline == timeline) {
      return i + 1 < history.ancestors.size() ? history.ancestors[i + 1].timeline : history.timeline;
    }
  }
  return 0;
}

struct Reach {
  Timeline timeline = 0;
  Lsn lsn;
};

// Where the WAL of one timeline ends that is read from `from` on, as recovery reads it: from the start of that segment.
Lsn unbroken(const WalInventory& wal, Timeline timeline, Lsn from) {
  const auto held = wal.timelines.find(timeline);
  Lsn until = segment_start(from, wal.segment_size);
  if (held == wal.timelines.end()) {
    return until;
  }
  while (const auto further = held->second.unbroken_until(until, wal.segment_size)) {
    until = *further;
  }
  return until;
}

// How far WAL goes on from `from`, along a history. A new timeline's first segment begins with a copy of what its ancestor wrote
// into it, and recovery reads that: so the ancestor's last segment, which is never whole, is not needed.
Reach follow(const WalInventory& wal, const TimelineHistory& history, Reach from) {
  while (true) {
    const Lsn until = unbroken(wal, from.timeline, from.lsn);
    const Timeline next = successor(history, from.timeline);
    if (next == 0) {
      return {from.timeline, until};
    }
    const Lsn end = history.end_of(from.timeline);
    const Lsn shared = segment_start(end, wal.segment_size);
    if (until < shared || unbroken(wal, next, shared) == shared) {
      return {from.timeline, std::min(until, end)};
    }
    from = {next, shared};
  }
}

bool on_the_way(const TimelineHistory& history, const BackupSummary& summary) {
  const Lsn end = history.end_of(summary.timeline);
  return summary.timeline == history.timeline || (end.valid() && summary.stop_lsn <= end);
}

// The newest time mark that the WAL from `from` to `until` covers.
std::optional<Time> newest_time(const WalInventory& wal, const TimelineHistory& history, Lsn from, Lsn until) {
  std::optional<Time> newest;
  for (const auto& [timeline, held] : wal.timelines) {
    if (!history.descends_from(timeline)) {
      continue;
    }
    const Lsn end = history.end_of(timeline);
    for (const WalTime& mark : held.times) {
      if (mark.lsn >= from && mark.lsn <= until && (!end.valid() || mark.lsn <= end)) {
        newest = std::max(newest.value_or(mark.time), mark.time);
      }
    }
  }
  return newest;
}

std::vector<RecoverySpan> spans_along(const RecoveryWindow& window, const TimelineHistory& history) {
  std::vector<RecoverySpan> spans;
  for (const ListedBackup& backup : window.backups) {
    const BackupSummary& summary = backup.summary;
    if (!on_the_way(history, summary)) {
      continue;
    }
    const Reach reach = follow(window.wal, history, {summary.timeline, summary.start_lsn});
    if (reach.lsn < summary.stop_lsn) {
      continue;
    }
    if (!spans.empty() && spans.back().until_lsn >= summary.stop_lsn) {
      spans.back().backups.push_back(&backup);
      spans.back().until_time = std::max(spans.back().until_time, summary.finished);
      continue;
    }
    spans.push_back({.timeline = history.timeline,
                     .backups = {&backup},
                     .from_time = end_of(summary),
                     .from_lsn = summary.stop_lsn,
                     .until_time = summary.finished,
                     .until_lsn = reach.lsn,
                     .until_timeline = reach.timeline});
  }
  for (RecoverySpan& span : spans) {
    span.until_time =
        std::max(span.until_time, newest_time(window.wal, history, span.from_lsn, span.until_lsn).value_or(span.until_time));
  }
  return spans;
}

void read_histories(const Repository& repository, RecoveryWindow& window) {
  std::set<Timeline> timelines;
  for (const auto& [timeline, held] : window.wal.timelines) {
    timelines.insert(timeline);
  }
  for (const ListedBackup& backup : window.backups) {
    timelines.insert(backup.summary.timeline);
  }
  for (const Timeline timeline : timelines) {
    TimelineHistory history{timeline, {}};
    if (window.wal.histories.contains(timeline)) {
      if (const auto text = read_history(repository, window.system(), timeline)) {
        history = parse_timeline_history(timeline, text_of(*text));
      }
    }
    window.histories.emplace(timeline, std::move(history));
  }
}

// Holes in what one timeline holds, between the end of one run and the begin of the next, behind `from`.
void note_gaps(const TimelineWal& held, Timeline timeline, std::uint32_t segment_size, Lsn from, std::vector<WalGap>& gaps) {
  std::vector<Lsn> begins;
  for (const TimelineWal::Range& range : held.ranges) {
    begins.push_back(Lsn{range.first * segment_size});
  }
  for (const TimelineWal::Tail& tail : held.tails) {
    begins.push_back(Lsn{tail.segment.start().value + tail.from});
  }
  std::ranges::sort(begins);
  Lsn until;
  for (const Lsn begin : begins) {
    if (until.valid() && begin > until && begin > from) {
      gaps.push_back({timeline, until, begin});
    }
    until = std::max({until, begin, held.unbroken_until(begin, segment_size).value_or(begin)});
  }
}

// Names leave out fractions of seconds. Of the newest mark, where windows end, the object tells them.
void read_last_times(const Repository& repository, RecoveryWindow& window) {
  for (auto& [timeline, held] : window.wal.timelines) {
    if (held.times.empty()) {
      continue;
    }
    WalTime& last = held.times.back();
    try {
      const auto stored = read_wal_time(repository, wal_time_name(window.system(), timeline, last.lsn, last.time));
      if (stored) {
        last.time = stored->at.time;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      // verify reports it; what its name says is right all the same.
    }
  }
}

RecoveryWindow window_of(const Repository& repository, const std::string& cluster, const KnownSystem& system,
                         const Catalog& catalog) {
  RecoveryWindow window;
  window.cluster = cluster;
  window.system_identifier = system.identifier;
  window.seen = system.seen;
  window.segment_size = system.segment_size;
  for (const ListedBackup& backup : catalog.backups) {
    if (backup.summary.system_identifier == system.identifier) {
      window.backups.push_back(backup);
    }
  }
  window.wal = list_wal(repository, window.system(), window.segment_size);
  read_last_times(repository, window);
  read_histories(repository, window);
  find_spans(window);
  return window;
}

enum class Which { last, all };

std::vector<RecoveryWindow> windows_of(const Repository& repository, const std::string& cluster, Which which) {
  Catalog catalog = read_catalog(repository, cluster);
  // A summary that is whole and yet impossible: verify reports it, and nothing can be reckoned with it.
  std::erase_if(catalog.backups, [](const ListedBackup& each) {
    return !valid_segment_size(each.summary.wal_segment_size) || each.summary.stop_lsn <= each.summary.start_lsn;
  });
  const std::vector<KnownSystem> systems = known_systems(repository, cluster, catalog);
  std::vector<RecoveryWindow> windows;
  for (const KnownSystem& system : systems) {
    if (which == Which::all || &system == &systems.back()) {
      windows.push_back(window_of(repository, cluster, system, catalog));
    }
  }
  if (windows.empty()) {
    windows.emplace_back().cluster = cluster;
  }
  return windows;
}

}  // namespace

void find_spans(RecoveryWindow& window) {
  window.spans.clear();
  window.gaps.clear();
  for (const auto& [timeline, history] : window.histories) {
    for (RecoverySpan& span : spans_along(window, history)) {
      // Those that end on an ancestor are the ancestor's, where they may go on further.
      if (span.until_timeline == timeline) {
        window.spans.push_back(std::move(span));
      }
    }
  }
  for (const auto& [timeline, held] : window.wal.timelines) {
    Lsn first;
    for (const ListedBackup& backup : window.backups) {
      first = !first.valid() ? backup.summary.start_lsn : std::min(first, backup.summary.start_lsn);
    }
    note_gaps(held, timeline, window.segment_size, first, window.gaps);
  }
}

RecoveryWindow compute_window(const Repository& repository, const std::string& cluster) {
  return std::move(windows_of(repository, cluster, Which::last).back());
}

std::vector<RecoveryWindow> compute_windows(const Repository& repository, const std::string& cluster) {
  return windows_of(repository, cluster, Which::all);
}

std::size_t choose_window(const std::vector<RecoveryWindow>& windows, const std::optional<Time>& time,
                          const std::optional<BackupId>& wanted) {
  for (std::size_t i = windows.size(); i-- > 0;) {
    const RecoveryWindow& window = windows[i];
    const bool has_wanted =
        wanted && std::ranges::any_of(window.backups, [&](const ListedBackup& each) { return each.summary.id == *wanted; });
    const bool reaches = !wanted && std::ranges::any_of(window.spans, [&](const RecoverySpan& span) {
      return !time || span.backups.front()->summary.started <= *time;
    });
    if (has_wanted || reaches) {
      return i;
    }
  }
  return windows.size() - 1;
}

std::string describe_system(const RecoveryWindow& window) {
  return "system " + std::to_string(window.system_identifier) +
         (window.backups.empty() ? std::string()
                                 : ", PostgreSQL " + std::to_string(window.backups.back().summary.server_version / 10'000));
}

Time end_of(const BackupSummary& summary) { return summary.finished + std::chrono::seconds(1); }

Timeline RecoveryWindow::latest_timeline() const noexcept {
  Timeline latest = 0;
  for (const RecoverySpan& span : spans) {
    latest = std::max(latest, span.timeline);
  }
  return latest;
}

std::vector<RecoverySpan> RecoveryWindow::spans_to(Timeline timeline) const {
  const auto found = histories.find(timeline);
  return found == histories.end() ? std::vector<RecoverySpan>() : spans_along(*this, found->second);
}

Time covered_until(const WalPlaces& places, const RecoveryWindow& window, const RecoverySpan& span, const std::stop_token& stop) {
  constexpr int segments_looked_into = 8;
  Time until = span.until_time;
  WalScan scan(places, window.histories.at(span.until_timeline), window.segment_size, span.until_lsn, WalScan::End::found);
  for (int i = 0; i < segments_looked_into; ++i) {
    const auto segment = scan.previous(span.from_lsn, stop);
    if (!segment) {
      break;
    }
    const Time before = until;
    for (const WalStopPoint& point : segment->stop_points) {
      until = point.transaction ? std::max(until, point.transaction->time) : until;
    }
    if (until > before) {
      break;
    }
  }
  return until;
}

const RecoverySpan* later_elsewhere(const RecoveryWindow& window, Timeline timeline) {
  const auto history = window.histories.find(timeline);
  if (history == window.histories.end()) {
    return nullptr;
  }
  Time newest;
  const RecoverySpan* elsewhere = nullptr;
  for (const RecoverySpan& span : window.spans) {
    const Lsn left = history->second.end_of(span.timeline);
    if (span.timeline == timeline || (left.valid() && span.until_lsn <= left)) {
      newest = std::max(newest, span.until_time);
    } else if (elsewhere == nullptr || span.until_time > elsewhere->until_time) {
      elsewhere = &span;
    }
  }
  return elsewhere != nullptr && elsewhere->until_time > newest ? elsewhere : nullptr;
}

std::string describe(const RecoverySpan& span) {
  return format_time(span.from_time) + " (" + span.from_lsn.to_string() + ") to " +
         format_time(std::max(span.from_time, span.until_time)) + " (" + span.until_lsn.to_string() + ") on timeline " +
         std::to_string(span.timeline);
}

}  // namespace pgrecall
