#include "engine/verify_continuity.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/wal/stored_segment.h"
#include "engine/wal/window.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

// Where a span ends although WAL goes on.
struct WalBreak {
  FindingSeverity severity = FindingSeverity::notice;
  WalSegment missing;  // the first one
  Lsn until;           // recovery gets to here
  Time until_time;
  Lsn there_again;
  std::optional<Time> behind_time;  // from when on moments can be reached again
  bool left_over = false;           // none was received right behind the newest backup
};

using WalBreaks = std::map<std::pair<Timeline, std::uint64_t>, WalBreak>;  // by missing segment

class Continuity {
 public:
  // replaced: another system has the cluster's name now.
  enum class System { present, replaced };
  Continuity(const VerifyContext& context, RecoveryWindow window, System system);

  void check_wal();
  void check_histories() const;

 private:
  void follow(const TimelineHistory& history, WalBreaks& breaks) const;
  [[nodiscard]] std::optional<Lsn> wal_behind(const TimelineHistory& history, const RecoverySpan& span) const;
  [[nodiscard]] WalSegment first_missing(const TimelineHistory& history, const RecoverySpan& span) const;
  [[nodiscard]] bool left_behind(const TimelineHistory& history, const RecoverySpan& span) const;
  [[nodiscard]] bool as_retention_leaves_it(const RecoverySpan& span) const;
  [[nodiscard]] bool received_behind(const TimelineHistory& history, const RecoverySpan& span) const;
  [[nodiscard]] bool has_come(const WalSegment& segment) const;
  void report(const WalBreak& each) const;

  const VerifyContext& context_;
  RecoveryWindow window_;  // of good backups alone
  const System system_;
  const ListedBackup* newest_ = nullptr;
};

Continuity::Continuity(const VerifyContext& context, RecoveryWindow window, System system)
    : context_(context), window_(std::move(window)), system_(system) {
  std::erase_if(window_.backups, [&](const ListedBackup& backup) {
    const bool marked = backup.damaged && (!backup.verified || *backup.damaged > *backup.verified);
    return context_.findings.damage_of(backup.summary.id.text) || (marked && context_.request.data_fraction < 1);
  });
  find_spans(window_);
  newest_ = window_.backups.empty() ? nullptr : &window_.backups.back();
}

// The timelines that lead to the history's end, from `first` on.
std::vector<Timeline> way_from(const TimelineHistory& history, Timeline first) {
  std::vector<Timeline> way;
  for (const auto& ancestor : history.ancestors) {
    if (ancestor.timeline == first || !way.empty()) {
      way.push_back(ancestor.timeline);
    }
  }
  if (history.timeline == first || !way.empty()) {
    way.push_back(history.timeline);
  }
  return way;
}

// Where the next WAL on the way begins.
std::optional<Lsn> Continuity::wal_behind(const TimelineHistory& history, const RecoverySpan& span) const {
  std::optional<Lsn> first;
  const auto consider = [&](Lsn begin, Lsn end, Lsn branch) {
    const Lsn needed_until = branch.valid() ? std::min(end, branch) : end;
    if (begin < needed_until && needed_until > span.until_lsn && (!first || begin < *first)) {
      first = std::max(begin, span.until_lsn);
    }
  };
  for (const Timeline timeline : way_from(history, span.until_timeline)) {
    const auto held = window_.wal.timelines.find(timeline);
    if (held == window_.wal.timelines.end()) {
      continue;
    }
    const Lsn branch = history.end_of(timeline);
    for (const TimelineWal::Range& range : held->second.ranges) {
      consider(Lsn{range.first * window_.segment_size}, Lsn{(range.last + 1) * window_.segment_size}, branch);
    }
    for (const TimelineWal::Tail& tail : held->second.tails) {
      const std::uint64_t start = tail.segment.start().value;
      consider(Lsn{start + tail.from}, Lsn{start + tail.to}, branch);
    }
  }
  return first;
}

// Where a timeline was left, its last segment is not needed: the next one's first begins with a copy of it.
WalSegment Continuity::first_missing(const TimelineHistory& history, const RecoverySpan& span) const {
  const std::vector<Timeline> way = way_from(history, span.until_timeline);
  const Lsn left = history.end_of(span.until_timeline);
  const WalSegment missing = WalSegment::containing(span.until_timeline, span.until_lsn, window_.segment_size);
  if (way.size() > 1 && left.valid() && missing.end() > left) {
    return WalSegment::containing(way[1], left, window_.segment_size);
  }
  return missing;
}

// True on a branch behind the place where another timeline went on.
bool Continuity::left_behind(const TimelineHistory& history, const RecoverySpan& span) const {
  return span.until_timeline == history.timeline && std::ranges::any_of(window_.histories, [&](const auto& other) {
           const Lsn left = other.second.end_of(history.timeline);
           return left.valid() && span.until_lsn >= left;
         });
}

bool Continuity::as_retention_leaves_it(const RecoverySpan& span) const {
  Lsn needed;
  for (const ListedBackup* backup : span.backups) {
    needed = std::max(needed, backup->summary.stop_lsn);
  }
  return span.until_lsn <= WalSegment::containing(span.until_timeline, Lsn{needed.value - 1}, window_.segment_size).end();
}

bool Continuity::received_behind(const TimelineHistory& history, const RecoverySpan& span) const {
  return std::ranges::any_of(way_from(history, span.until_timeline), [&](Timeline timeline) {
    const auto held = window_.wal.timelines.find(timeline);
    return held != window_.wal.timelines.end() &&
           std::ranges::any_of(held->second.times, [&](const WalTime& mark) { return mark.lsn > span.until_lsn; });
  });
}

void Continuity::follow(const TimelineHistory& history, WalBreaks& breaks) const {
  const std::vector<RecoverySpan> spans = window_.spans_to(history.timeline);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const RecoverySpan& span = spans[i];
    const bool last = i + 1 == spans.size();
    const auto there_again = wal_behind(history, span);
    if (!there_again || (!last && as_retention_leaves_it(span))) {
      continue;
    }
    // Where backups are all that there is, WAL behind the newest one's own was left by another that was interrupted. A time mark
    // behind it says that WAL was received, and lost.
    const bool left_over = last && as_retention_leaves_it(span) && !received_behind(history, span);
    const bool healed = !last || system_ == System::replaced || left_over ||
                        std::ranges::find(span.backups, newest_) == span.backups.end() || left_behind(history, span);
    WalBreak found{.severity = healed ? FindingSeverity::notice : FindingSeverity::damage,
                   .missing = first_missing(history, span),
                   .until = span.until_lsn,
                   .until_time = span.until_time,
                   .there_again = *there_again,
                   .behind_time = {},
                   .left_over = left_over};
    if (!last) {
      found.behind_time = spans[i + 1].from_time;
    }
    const auto [at, first] = breaks.try_emplace({found.missing.timeline, found.missing.number}, found);
    if (!first && found.severity < at->second.severity) {
      at->second = found;
    }
  }
}

bool Continuity::has_come(const WalSegment& segment) const {
  if (context_.repository.store().open(wal_segment_name(window_.system(), segment)) != nullptr) {
    return true;
  }
  if (context_.request.spool.empty()) {
    return false;
  }
  try {
    const auto held = read_stored_segment({context_.repository, window_.system(), context_.request.spool}, segment.file_name(),
                                          [](ByteView) {});
    return held && held->held == segment.size;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return false;  // will not come as it is
  }
}

void Continuity::report(const WalBreak& each) const {
  std::string problem = "WAL is missing from " + each.until.to_string() + " to " + each.there_again.to_string() + ": ";
  if (each.severity == FindingSeverity::damage) {
    problem += "recovery cannot go beyond " + each.until.to_string() + " (" + format_time(each.until_time) +
               ") until a backup has begun behind it";
  } else if (each.left_over) {
    problem +=
        "nothing is stored right behind the newest backup, and recovery ends there; what comes later was left by an interrupted "
        "backup, or waits for WAL that is still to come; where WAL is archived by push, it may have been lost";
  } else if (each.behind_time) {
    problem += "moments between " + format_time(each.until_time) + " and " + format_time(*each.behind_time) +
               " cannot be reached; that matters until the recovery window begins behind it";
  } else {
    problem += "moments behind " + format_time(each.until_time) + " cannot be reached on a " +
               (system_ == System::replaced ? "system that was replaced" : "timeline that was left");
  }
  context_.findings.add({.severity = each.severity,
                         .kind = finding_kind::missing_wal,
                         .object = wal_segment_name(window_.system(), each.missing),
                         .backups = {},
                         .file = {},
                         .block = {},
                         .problem = std::move(problem)});
}

void Continuity::check_wal() {
  WalBreaks breaks;
  for (const auto& [timeline, history] : window_.histories) {
    follow(history, breaks);
  }
  for (const auto& [missing, each] : breaks) {
    throw_if_stopped(context_.stop);
    if (!has_come(each.missing)) {
      report(each);
    }
  }
}

void Continuity::check_histories() const {
  for (const auto& [timeline, held] : window_.wal.timelines) {
    const bool has_backup = std::ranges::any_of(
        window_.backups, [number = timeline](const ListedBackup& backup) { return backup.summary.timeline == number; });
    // Of a backup's own timeline the backup's checks tell.
    if (newest_ == nullptr || timeline <= 1 || has_backup || window_.wal.histories.contains(timeline)) {
      continue;
    }
    context_.findings.add(
        {.severity = system_ == System::present && newest_->summary.timeline < timeline ? FindingSeverity::damage
                                                                                        : FindingSeverity::notice,
         .kind = finding_kind::missing_object,
         .object = history_name(window_.system(), timeline),
         .backups = {},
         .file = {},
         .block = {},
         .problem = "there is WAL of this timeline, and its history is missing: recovery cannot follow onto it"});
  }
}

}  // namespace

void check_continuity(const VerifyContext& context) {
  std::vector<RecoveryWindow> windows;
  try {
    windows = compute_windows(context.repository, context.request.cluster);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return;  // found where the object itself was read
  }
  for (RecoveryWindow& window : windows) {
    const auto system = &window == &windows.back() ? Continuity::System::present : Continuity::System::replaced;
    Continuity continuity(context, std::move(window), system);
    continuity.check_wal();
    continuity.check_histories();
  }
}

}  // namespace pgrecall
