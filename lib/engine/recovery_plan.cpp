#include "engine/recovery_plan.h"

#include <algorithm>

#include "base/error.h"
#include "engine/wal/scan.h"
#include "engine/wal/window.h"

namespace pgrecall {

namespace {

using Kind = RecoveryTarget::Kind;
using Bound = RecoveryTarget::Bound;

// Commit times do not quite rise with the LSN: this many segments whose commits are all too early show that no later one follows.
constexpr int segments_without_later_commit = 2;

std::optional<Time> time_of(const RecoveryTarget& target) {
  return target.kind == Kind::time ? std::optional(target.time) : std::nullopt;
}

class RecoveryPlanner {
 public:
  RecoveryPlanner(const Repository& repository, const std::string& cluster, const RecoveryRequest& request,
                  const std::optional<BackupId>& wanted, std::stop_token stop)
      : request_(request),
        wanted_(wanted),
        stop_(std::move(stop)),
        windows_(compute_windows(repository, cluster)),
        window_(windows_[choose_window(windows_, time_of(request.target), wanted)]),
        places_{.repository = repository, .system = window_.system(), .spool = request.spool} {}

  PlannedRecovery execute() {
    choose_timeline();
    switch (request_.target.kind) {
      case Kind::latest: to_latest(); break;
      case Kind::immediate: to_consistency(); break;
      case Kind::time: to_time(); break;
      case Kind::lsn: to_lsn(); break;
      case Kind::xid:
      case Kind::name: to_event(); break;
    }
    return finish();
  }

 private:
  void choose_timeline();
  void require_newest_timeline();
  void to_latest();
  void to_consistency();
  void to_time();
  void to_lsn();
  void to_event();
  [[nodiscard]] PlannedRecovery finish();

  [[nodiscard]] WalScan scan_of(const RecoverySpan& span) const {
    return {places_, window_.histories.at(timeline_), window_.segment_size, span.until_lsn, WalScan::End::found};
  }
  // The newest backup of the span that had ended by then; the one that was asked for, if any.
  [[nodiscard]] const ListedBackup* backup_before(const RecoverySpan& span, Lsn lsn) const;
  [[nodiscard]] const ListedBackup* backup_before(const RecoverySpan& span, Time time) const;
  [[nodiscard]] bool ended_by(const RecoverySpan& span, const BackupSummary& summary, Time time) const;
  [[nodiscard]] Lsn last_record(const RecoverySpan& span) const;
  [[nodiscard]] Lsn replay_until() const;
  void end_at_last_record(Lsn record, std::string note) {
    last_record_ = record;
    notes_.push_back(std::move(note));
  }
  [[nodiscard]] Error outside(const std::string& why) const;
  [[nodiscard]] std::string of_other_systems() const;

  const RecoveryRequest& request_;
  const std::optional<BackupId>& wanted_;
  const std::stop_token stop_;
  std::vector<RecoveryWindow> windows_;
  RecoveryWindow& window_;  // of the system that is recovered
  const WalPlaces places_;
  Timeline timeline_ = 0;
  std::vector<RecoverySpan> spans_;
  // What was chosen.
  const RecoverySpan* span_ = nullptr;
  const ListedBackup* backup_ = nullptr;
  std::optional<Lsn> last_record_;  // for PostgreSQL to end behind
  std::optional<Lsn> end_of_wal_;   // what the last record there is begins at, where the end was asked for
  std::vector<std::string> notes_;
};

Error RecoveryPlanner::outside(const std::string& why) const {
  // The newest ones, and what lies nearest before a time that was missed; a line that tells all of many is read by nobody.
  constexpr std::size_t shown = 3;
  std::string ranges;
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < window_.spans.size(); ++i) {
    RecoverySpan span = window_.spans[i];
    const bool nearest = request_.target.kind == Kind::time && span.from_time <= request_.target.time &&
                         (i + 1 == window_.spans.size() || window_.spans[i + 1].from_time > request_.target.time);
    const bool asked = request_.timeline.kind == TimelineChoice::Kind::number && span.timeline == request_.timeline.number;
    if (!nearest && !asked && i + shown < window_.spans.size()) {
      ++left_out;
      continue;
    }
    span.until_time = covered_until(places_, window_, span, stop_);
    ranges += (ranges.empty() ? "" : "; ") + describe(span);
  }
  std::string hint = ranges.empty() ? "no backup has all the WAL that it needs; run pgrecall verify" : "reachable is " + ranges;
  if (left_out > 0) {
    hint += "; " + std::to_string(left_out) + " more: pgrecall wal status " + window_.cluster;
  }
  hint += of_other_systems();
  if (wanted_) {
    hint += "; without --backup, the one that fits is chosen";
  }
  return Error(ErrorKind::target_unreachable, why, hint)
      .with("cluster", window_.cluster)
      .with("target", describe(request_.target))
      .with("timeline", timeline_);
}

std::string RecoveryPlanner::of_other_systems() const {
  std::string text;
  for (const RecoveryWindow& window : windows_) {
    if (&window == &window_ || window.spans.empty()) {
      continue;
    }
    RecoverySpan span = window.spans.back();
    const WalPlaces places{.repository = places_.repository, .system = window.system(), .spool = places_.spool};
    span.until_time = covered_until(places, window, span, stop_);
    text += "; of " + describe_system(window) + ", " + describe(span) +
            (request_.target.kind == Kind::time ? "" : ", where --backup names one of its backups");
  }
  return text;
}

void RecoveryPlanner::choose_timeline() {
  switch (request_.timeline.kind) {
    case TimelineChoice::Kind::latest: timeline_ = window_.histories.empty() ? 0 : window_.histories.rbegin()->first; break;
    case TimelineChoice::Kind::number: timeline_ = request_.timeline.number; break;
    case TimelineChoice::Kind::current:
      for (const ListedBackup& backup : window_.backups) {
        timeline_ = !wanted_ || backup.summary.id == *wanted_ ? backup.summary.timeline : timeline_;
      }
      break;
  }
  if (!window_.histories.contains(timeline_)) {
    throw outside("the repository knows nothing of this timeline");
  }
  spans_ = window_.spans_to(timeline_);
  for (RecoverySpan& span : spans_) {
    std::erase_if(span.backups, [&](const ListedBackup* backup) {
      const bool other = request_.timeline.kind == TimelineChoice::Kind::current && backup->summary.timeline != timeline_;
      return other || (wanted_ && backup->summary.id != *wanted_);
    });
  }
  std::erase_if(spans_, [](const RecoverySpan& span) { return span.backups.empty(); });
  if (spans_.empty()) {
    throw outside(wanted_ ? "WAL that this backup needs is missing, or the timeline does not come from it"
                          : "no backup leads to this timeline");
  }
}

const ListedBackup* RecoveryPlanner::backup_before(const RecoverySpan& span, Lsn lsn) const {
  const auto found = std::find_if(span.backups.rbegin(), span.backups.rend(),
                                  [&](const ListedBackup* backup) { return backup->summary.stop_lsn <= lsn; });
  return found == span.backups.rend() ? nullptr : *found;
}

const ListedBackup* RecoveryPlanner::backup_before(const RecoverySpan& span, Time time) const {
  const auto found = std::find_if(span.backups.rbegin(), span.backups.rend(),
                                  [&](const ListedBackup* backup) { return ended_by(span, backup->summary, time); });
  return found == span.backups.rend() ? nullptr : *found;
}

// Recovery must not stop before the backup is consistent: all commits before that must be early enough. Only the WAL tells what
// was committed while the backup came to its end. Summaries leave fractions of seconds out: a backup of the second of `time` may
// have begun behind commits that are later, too.
bool RecoveryPlanner::ended_by(const RecoverySpan& span, const BackupSummary& summary, Time time) const {
  if (end_of(summary) <= time || summary.started > time) {
    return end_of(summary) <= time;
  }
  const bool same_second = summary.started + std::chrono::seconds(1) > time;
  const Lsn from = same_second ? std::min(span.backups.front()->summary.start_lsn, summary.start_lsn) : summary.start_lsn;
  WalScan scan(places_, window_.histories.at(timeline_), window_.segment_size, summary.stop_lsn, WalScan::End::here);
  int with_commits = 0;
  while (const auto segment = scan.previous(from, stop_)) {
    bool any = false;
    for (const WalStopPoint& event : segment->stop_points) {
      if (event.transaction && event.start < summary.stop_lsn) {
        any = true;
        if (event.transaction->time > time) {
          return false;
        }
      }
    }
    with_commits += any ? 1 : 0;
    if (with_commits >= segments_without_later_commit) {
      break;
    }
  }
  return true;
}

Lsn RecoveryPlanner::last_record(const RecoverySpan& span) const {
  WalScan scan = scan_of(span);
  while (const auto segment = scan.previous(span.from_lsn, stop_)) {
    if (segment->last_record) {
      return *segment->last_record;
    }
  }
  return span.backups.back()->summary.stop_lsn;
}

// The highest number is not always the newest WAL: a copy that was promoted, and archives into the same repository, has it too.
void RecoveryPlanner::require_newest_timeline() {
  for (RecoverySpan& span : window_.spans) {
    span.until_time = covered_until(places_, window_, span, stop_);
  }
  if (const RecoverySpan* other = later_elsewhere(window_, timeline_)) {
    throw outside("timeline " + std::to_string(timeline_) + " has the highest number, but timeline " +
                  std::to_string(other->timeline) + " goes on to a later time: which one is meant must be said, as --timeline " +
                  std::to_string(other->timeline));
  }
}

void RecoveryPlanner::to_latest() {
  if (request_.timeline.kind == TimelineChoice::Kind::latest) {
    require_newest_timeline();
  }
  span_ = &spans_.back();
  backup_ = span_->backups.back();
  const auto there = window_.wal.timelines.find(timeline_);
  const bool further = there != window_.wal.timelines.end() && !there->second.ranges.empty() &&
                       Lsn{there->second.ranges.back().first * window_.segment_size} > span_->until_lsn;
  if (span_->until_timeline != timeline_ || further) {
    throw outside("WAL is missing behind " + span_->until_lsn.to_string() + ": the latest cannot be reached");
  }
  end_of_wal_ = last_record(*span_);
  if (request_.action.value_or(TargetAction::promote) != TargetAction::promote) {
    // Without a target, PostgreSQL always promotes.
    end_at_last_record(*end_of_wal_, "the end of the WAL is named by its last record, so that the server stops there");
  }
}

void RecoveryPlanner::to_consistency() {
  span_ = &spans_.back();
  backup_ = span_->backups.back();
}

void RecoveryPlanner::to_time() {
  const Time target = request_.target.time;
  for (const RecoverySpan& span : spans_) {
    if (const ListedBackup* backup = backup_before(span, target)) {
      span_ = &span;
      backup_ = backup;
    }
  }
  if (backup_ == nullptr) {
    throw outside("the time lies before the first backup that it could be reached from");
  }
  // PostgreSQL stops at the first commit that is later than the target, and fails when there is none.
  WalScan scan = scan_of(*span_);
  std::optional<Lsn> end;
  std::optional<Time> latest;
  int with_commits = 0;
  while (const auto segment = scan.previous(backup_->summary.stop_lsn, stop_)) {
    end = end ? end : segment->last_record;
    bool any = false;
    for (const WalStopPoint& event : segment->stop_points) {
      if (event.transaction) {
        any = true;
        const Time time = event.transaction->time;
        latest = std::max(latest.value_or(time), time);
        if (time > target || (time == target && request_.target.bound == Bound::exclusive)) {
          return;
        }
      }
    }
    with_commits += any ? 1 : 0;
    if (with_commits >= segments_without_later_commit) {
      break;
    }
  }
  const Time known = std::max({span_->from_time, span_->until_time, latest.value_or(span_->until_time)});
  if (target > known) {
    throw outside("the time lies behind what the WAL is known to cover, " + format_exact_time(known));
  }
  end_at_last_record(end.value_or(backup_->summary.stop_lsn),
                     "nothing was committed later than that: recovery goes to the end of the WAL" +
                         (latest ? ", the last transaction ended at " + format_exact_time(*latest) : std::string()));
}

void RecoveryPlanner::to_lsn() {
  const Lsn target = request_.target.lsn;
  for (const RecoverySpan& span : spans_) {
    if (const ListedBackup* backup = backup_before(span, target)) {
      span_ = &span;
      backup_ = backup;
    }
  }
  if (backup_ == nullptr) {
    throw outside("the LSN lies before the first backup that it could be reached from");
  }
  WalScan scan = scan_of(*span_);
  while (const auto segment = scan.previous(backup_->summary.stop_lsn, stop_)) {
    if (!segment->last_record) {
      continue;
    }
    if (target > segment->end) {
      throw outside("the LSN lies behind the end of the WAL, " + segment->end.to_string());
    }
    if (target > *segment->last_record) {
      end_at_last_record(*segment->last_record, "no record begins there or later: recovery goes to the end of the WAL");
    }
    return;
  }
}

void RecoveryPlanner::to_event() {
  const RecoveryTarget& target = request_.target;
  const auto is_it = [&](const WalStopPoint& event) {
    return target.kind == Kind::xid ? event.transaction && event.transaction->transaction == target.xid
                                    : event.restore_point && event.restore_point->name == target.name;
  };
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    WalScan scan = scan_of(*span);
    while (const auto segment = scan.previous(span->backups.front()->summary.stop_lsn, stop_)) {
      for (auto event = segment->stop_points.rbegin(); event != segment->stop_points.rend(); ++event) {
        if (!is_it(*event)) {
          continue;
        }
        if (const ListedBackup* backup = backup_before(*span, event->start)) {
          span_ = &*span;
          backup_ = backup;
          notes_.push_back("found at " + event->start.to_string() + ", of " +
                           format_exact_time(event->transaction ? event->transaction->time : event->restore_point->time));
          return;
        }
      }
    }
  }
  throw outside(target.kind == Kind::xid ? "no end of this transaction is in the WAL"
                                         : "no restore point of this name is in the WAL");
}

// Time marks lie close together; where there are none, as with WAL that came by push, nothing is known but the end.
Lsn RecoveryPlanner::replay_until() const {
  Lsn until = span_->until_lsn;
  switch (request_.target.kind) {
    case Kind::lsn: return std::min(until, request_.target.lsn);
    case Kind::immediate: return backup_->summary.stop_lsn;
    case Kind::time: break;
    case Kind::latest:
    case Kind::xid:
    case Kind::name: return until;
  }
  for (const auto& [timeline, held] : window_.wal.timelines) {
    for (const WalTime& mark : held.times) {
      if (mark.time >= request_.target.time && mark.lsn >= backup_->summary.stop_lsn &&
          window_.histories.at(timeline_).descends_from(timeline)) {
        until = std::min(until, mark.lsn);
      }
    }
  }
  return until;
}

PlannedRecovery RecoveryPlanner::finish() {
  PlannedRecovery planned{.backup = *backup_, .plan = {}};
  RecoveryPlan& plan = planned.plan;
  plan.target = request_.target;
  plan.action = request_.action.value_or(plan.target.kind == Kind::latest ? TargetAction::promote : TargetAction::pause);
  plan.timeline = timeline_;
  plan.last_record = end_of_wal_;
  plan.archives = request_.archive_mode;
  plan.wal_until = span_->until_lsn;
  plan.replay_until = replay_until();
  plan.time_until = span_->until_time;
  if (&window_ != &windows_.back()) {
    notes_.push_back("the cluster was another one then: " + describe_system(window_));
  }
  plan.notes = std::move(notes_);
  // PostgreSQL wants a history file for a number above 1, and needs none to stay where the backup is.
  const bool by_number = timeline_ == 1 || window_.wal.histories.contains(timeline_);
  plan.settings = recovery_settings(request_, plan.action, by_number ? std::to_string(timeline_) : "current", last_record_);
  return planned;
}

}  // namespace

PlannedRecovery plan_recovery(const Repository& repository, const std::string& cluster, const RecoveryRequest& request,
                              const std::optional<BackupId>& wanted, const std::stop_token& stop) {
  return RecoveryPlanner(repository, cluster, request, wanted, stop).execute();
}

unsigned major_of_target(const Repository& repository, const std::string& cluster, const RecoveryTarget& target,
                         const std::optional<BackupId>& wanted) {
  const std::vector<RecoveryWindow> windows = compute_windows(repository, cluster);
  const RecoveryWindow& window = windows[choose_window(windows, time_of(target), wanted)];
  return window.backups.empty() ? 0 : window.backups.back().summary.server_version / 10'000;
}

}  // namespace pgrecall
