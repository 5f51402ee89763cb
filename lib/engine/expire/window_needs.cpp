#include "engine/expire/window_needs.h"

#include <algorithm>

namespace pgrecall {

namespace {

bool descends(const RecoveryWindow& window, Timeline timeline, Timeline ancestor) {
  const auto history = window.histories.find(timeline);
  return timeline != ancestor && history != window.histories.end() && history->second.descends_from(ancestor);
}

// No moment of the span is later: the next backup behind its end, or on a timeline that came out of it, or of the next system,
// began when the span's WAL had been written. A span that nothing follows goes on.
std::optional<Time> latest_moment(const RecoveryWindow& window, const RecoverySpan& span, std::optional<Time> replaced) {
  std::optional<Time> latest = replaced;
  for (const ListedBackup& backup : window.backups) {
    const bool behind = backup.summary.start_lsn >= span.until_lsn || descends(window, backup.summary.timeline, span.timeline);
    if (behind && backup.summary.started >= span.backups.back()->summary.started) {
      latest = latest ? std::min(*latest, backup.summary.started) : backup.summary.started;
    }
  }
  return latest ? std::optional(std::max(*latest, span.until_time)) : std::nullopt;
}

const ListedBackup* base_of(const RecoverySpan& span, Time from) {
  const ListedBackup* base = nullptr;
  for (const ListedBackup* backup : span.backups) {
    if (!known_damaged(*backup) && (base == nullptr || end_of(backup->summary) <= from)) {
      base = backup;
    }
  }
  return base;
}

const ListedBackup* newest_good(const RecoveryWindow& window) {
  for (auto each = window.backups.rbegin(); each != window.backups.rend(); ++each) {
    if (!known_damaged(*each)) {
      return &*each;
    }
  }
  return nullptr;
}

// Where the WAL of a timeline begins that stays for the window; nothing when none does. What came out of a base's timeline stays;
// what bases' timelines came out of goes, as whoever needs it has a base there; of others nothing is known, and they stay.
std::optional<Lsn> floor_of_timeline(const RecoveryWindow& window, const std::vector<const ListedBackup*>& bases,
                                     Timeline timeline) {
  std::optional<Lsn> floor;
  bool older = false;
  for (const ListedBackup* base : bases) {
    const BackupSummary& summary = base->summary;
    if (descends(window, timeline, summary.timeline)) {
      return Lsn{0};
    }
    if (summary.timeline == timeline) {
      floor = floor ? std::min(*floor, summary.start_lsn) : summary.start_lsn;
    }
    older = older || descends(window, summary.timeline, timeline);
  }
  return floor || older ? floor : std::optional(Lsn{0});
}

bool is_of(const RecoveryWindow& window, const PolicyBackup& backup) {
  return std::ranges::any_of(window.backups, [&](const ListedBackup& each) { return each.summary.id == backup.id; });
}

std::optional<Time> replaced_at(const RecoveryWindow& window, const std::vector<PolicyBackup>& all) {
  std::optional<Time> first;
  for (const PolicyBackup& backup : all) {
    if (backup.good && backup.started > window.seen && !is_of(window, backup)) {
      first = std::min(first.value_or(backup.started), backup.started);
    }
  }
  return first;
}

std::string why_all(const RecoveryWindow& window, const WindowNeeds& needs) {
  const bool gone = needs.replaced && window.backups.empty();
  return !gone && (window.segment_size == 0 || newest_good(window) == nullptr) ? "no backup is known to be good" : "";
}

WindowNeeds needs_of(const RecoveryWindow& window, const std::vector<PolicyBackup>& all, const RetentionPolicy& policy,
                     Time reference) {
  WindowNeeds needs;
  needs.reference = reference;
  needs.from = reference - policy.window;
  needs.replaced = replaced_at(window, all);
  needs.keeps_all_wal = why_all(window, needs);
  std::vector<const ListedBackup*> bases;
  if (const ListedBackup* newest = newest_good(window); newest != nullptr && !needs.replaced) {
    bases.push_back(newest);
  }
  for (const RecoverySpan& span : window.spans) {
    if (policy.window.count() == 0) {
      break;  // no window is wanted: WAL stays from the newest good backup on
    }
    const auto latest = latest_moment(window, span, needs.replaced);
    const ListedBackup* base = base_of(span, needs.from);
    if (base != nullptr && (!latest || *latest >= needs.from)) {
      bases.push_back(base);
      needs.bases.insert(base->summary.id);
    }
  }
  if (!needs.keeps_all_wal.empty() || bases.empty()) {
    return needs;
  }
  for (const auto& [timeline, held] : window.wal.timelines) {
    if (const auto floor = floor_of_timeline(window, bases, timeline)) {
      needs.floors.emplace(timeline, *floor);
    }
  }
  return needs;
}

}  // namespace

std::optional<Time> server_time(const RecoveryWindow& window) {
  Lsn since;
  int good = 0;
  for (auto each = window.backups.rbegin(); each != window.backups.rend() && good < 2; ++each) {
    if (!known_damaged(*each)) {
      since = each->summary.start_lsn;
      ++good;
    }
  }
  std::optional<Time> latest;
  for (const auto& [timeline, held] : window.wal.timelines) {
    for (const WalTime& mark : held.times) {
      if (mark.lsn >= since) {
        latest = std::max(latest.value_or(mark.time), mark.time);
      }
    }
  }
  return latest;
}

std::vector<WindowNeeds> window_needs(const std::vector<RecoveryWindow>& windows, const std::vector<PolicyBackup>& all_backups,
                                      const RetentionPolicy& policy, Time now) {
  std::optional<Time> told;
  for (auto window = windows.rbegin(); window != windows.rend(); ++window) {
    if (newest_good(*window) != nullptr) {
      told = server_time(*window);
      break;
    }
  }
  const Time reference = reference_time(all_backups, policy, now, told);
  std::vector<WindowNeeds> needs;
  for (const RecoveryWindow& window : windows) {
    needs.push_back(needs_of(window, all_backups, policy, reference));
  }
  return needs;
}

std::set<BackupId> bases_of(const std::vector<WindowNeeds>& needs) {
  std::set<BackupId> bases;
  for (const WindowNeeds& each : needs) {
    bases.insert(each.bases.begin(), each.bases.end());
  }
  return bases;
}

WalNeeds::WalNeeds(const WindowNeeds& needs, std::uint32_t segment_size)
    : segment_size_(segment_size), all_(!needs.keeps_all_wal.empty() || segment_size == 0), floors_(needs.floors) {}

void WalNeeds::need(const BackupSummary& summary) {
  // Names of another segment size mean other places: nothing can be told apart then.
  if (summary.wal_segment_size != segment_size_ || summary.stop_lsn <= summary.start_lsn) {
    all_ = true;
    return;
  }
  ranges_[summary.timeline].push_back({summary.start_lsn.value / segment_size_, (summary.stop_lsn.value - 1) / segment_size_});
}

void WalNeeds::need_from(const BackupSummary& summary) {
  need(summary);
  const auto [floor, first] = floors_.try_emplace(summary.timeline, summary.start_lsn);
  if (!first) {
    floor->second = std::min(floor->second, summary.start_lsn);
  }
}

std::optional<std::uint64_t> WalNeeds::floor_of(Timeline timeline) const {
  const auto floor = floors_.find(timeline);
  return floor == floors_.end() ? std::nullopt : std::optional(floor->second.value / segment_size_);
}

bool WalNeeds::segment(Timeline timeline, std::uint64_t number) const {
  const auto floor = all_ ? std::optional<std::uint64_t>(0) : floor_of(timeline);
  if (floor && number >= *floor) {
    return true;
  }
  const auto ranges = ranges_.find(timeline);
  return ranges != ranges_.end() && std::ranges::any_of(ranges->second, [number](const Range& range) {
           return range.first <= number && number <= range.last;
         });
}

bool WalNeeds::time(const WalTime& at) const {
  const auto floor = floors_.find(at.timeline);
  return all_ || (floor != floors_.end() && at.lsn >= floor->second);
}

WalInventory WalNeeds::remaining(const WalInventory& inventory) const {
  WalInventory left{.segment_size = inventory.segment_size, .timelines = {}, .histories = inventory.histories};
  for (const auto& [timeline, held] : inventory.timelines) {
    TimelineWal kept;
    for (const TimelineWal::Range& range : held.ranges) {
      for (std::uint64_t number = range.first; number <= range.last; ++number) {
        if (!segment(timeline, number)) {
          continue;
        }
        if (!kept.ranges.empty() && kept.ranges.back().last + 1 == number) {
          kept.ranges.back().last = number;
        } else {
          kept.ranges.push_back({number, number});
        }
      }
    }
    for (const TimelineWal::Tail& tail : held.tails) {
      if (segment(timeline, tail.segment.number)) {
        kept.tails.push_back(tail);
      }
    }
    for (const WalTime& mark : held.times) {
      if (time(mark)) {
        kept.times.push_back(mark);
      }
    }
    if (!kept.ranges.empty() || !kept.tails.empty() || !kept.times.empty()) {
      left.timelines.emplace(timeline, std::move(kept));
    }
  }
  return left;
}

std::vector<WalGap> gaps_within(const RecoveryWindow& window, const WindowNeeds& needs) {
  std::vector<WalGap> gaps;
  for (const WalGap& gap : window.gaps) {
    const auto floor = needs.floors.find(gap.timeline);
    if (!needs.keeps_all_wal.empty() || (floor != needs.floors.end() && gap.until > floor->second)) {
      gaps.push_back(gap);
    }
  }
  return gaps;
}

}  // namespace pgrecall
