#include "service/window_facts.h"

#include <algorithm>

#include "engine/companions/companion.h"
#include "engine/drill/recovery_estimate.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_known_backups = 400;

void add_companions(const BackupSummary& summary, BackupFigures& figures) {
  for (const SummaryCompanion& companion : summary.companions) {
    figures.companions.push_back({companion.name, companion.files, companion.bytes, companion.problem});
    figures.vault_key = figures.vault_key || holds_vault_key(companion);
  }
}

BackupFigures figures_of(const ListedBackup& backup) {
  BackupFigures figures{.id = backup.summary.id.text,
                        .keep = std::string(name(backup.summary.keep)),
                        .started = backup.summary.started,
                        .finished = backup.summary.finished,
                        .logical_bytes = backup.summary.logical_bytes,
                        .stored_bytes = backup.summary.stored_bytes,
                        .page_failures = backup.summary.page_failure_count,
                        .damaged = backup.damaged && (!backup.verified || *backup.damaged > *backup.verified)};
  add_companions(backup.summary, figures);
  return figures;
}

void note_backups(const RecoveryWindow& window, WindowFacts& facts) {
  facts.backups = window.backups.size();
  const std::size_t first = window.backups.size() - std::min(window.backups.size(), max_known_backups);
  auto known = std::make_shared<std::vector<BackupFigures>>();
  for (std::size_t i = 0; i < window.backups.size(); ++i) {
    ++facts.backups_by_keep[std::string(name(window.backups[i].summary.keep))];
    if (i >= first) {
      known->push_back(figures_of(window.backups[i]));
    }
  }
  facts.known_backups = std::move(known);
  if (!window.backups.empty()) {
    facts.newest_backup = window.backups.back().summary.id.text;
    facts.newest_backup_started = window.backups.back().summary.started;
    facts.first_backup_started = window.backups.front().summary.started;
  }
}

// Backups store the WAL that they need themselves, ahead of what waits in the spool or is still to come from the server, which
// keeps it. A gap for good makes the receiver begin behind it: there it is `lost`. While nothing is known of the receiver, the
// newest gap may be such a one.
bool on_its_way(const WalGap& gap, const RecoveryWindow& window, const std::optional<WalReceiverStatus>& receiver,
                const std::optional<LostWal>& lost) {
  if (lost && lost->timeline == gap.timeline && gap.until <= lost->until) {
    return false;
  }
  if (!receiver || receiver->timeline == 0) {
    return &gap == &window.gaps.back();
  }
  if (!receiver->stored.valid()) {
    return receiver->waiting_segments > 0;
  }
  return receiver->timeline < gap.timeline || (gap.timeline == receiver->timeline && gap.from >= receiver->stored);
}

// When the first span behind each gap begins.
void note_gaps(const RecoveryWindow& window, const std::optional<WalReceiverStatus>& receiver, const std::optional<LostWal>& lost,
               WindowFacts& facts) {
  const Timeline latest = window.latest_timeline();
  const auto history = window.histories.find(latest);
  if (history == window.histories.end()) {
    return;
  }
  const std::vector<RecoverySpan> spans = window.spans_to(latest);
  for (const WalGap& gap : window.gaps) {
    const Lsn left = history->second.end_of(gap.timeline);
    if (gap.timeline != latest && (!left.valid() || gap.from >= left)) {
      continue;  // on a branch that nobody follows any more
    }
    const auto behind = std::ranges::find_if(spans, [&](const RecoverySpan& span) { return span.from_lsn >= gap.until; });
    std::vector<Time>& ends = on_its_way(gap, window, receiver, lost) ? facts.awaited_gap_ends : facts.gap_ends;
    ends.push_back(behind == spans.end() ? Time::max() : behind->from_time);
  }
}
}  // namespace

DrillFigures drill_figures(const std::vector<DrillRecord>& drills, const RecoveryWindow& window) {
  DrillFigures figures;
  for (const DrillRecord& drill : drills) {
    figures.last_completion = drill.finished;
    figures.last_problem.clear();
    if (!drill.passed) {
      const auto bad = std::ranges::find(drill.checks, DrillRecord::State::bad, &DrillRecord::Check::state);
      figures.last_problem = !drill.error.empty() || bad == drill.checks.end() ? drill.error : bad->what + ": " + bad->detail;
      continue;
    }
    figures.last_success = drill.finished;
    figures.last_restore_seconds = drill.restore_seconds;
    figures.last_replay_seconds = drill.replay_seconds;
    if (drill.proven_until && (!figures.proven_until || *drill.proven_until > *figures.proven_until)) {
      figures.proven_until = drill.proven_until;
    }
  }
  const std::vector<RecoverySpan> spans = window.spans_to(window.latest_timeline());
  if (!spans.empty() && !spans.back().backups.empty()) {
    const BackupSummary& newest = spans.back().backups.back()->summary;
    const std::uint64_t wal = spans.back().until_lsn.value - std::min(spans.back().until_lsn.value, newest.start_lsn.value);
    if (const auto estimate = estimate_recovery(drills, newest.logical_bytes, wal)) {
      figures.recovery_seconds = estimate->seconds();
    }
  }
  return figures;
}

void add_earlier_systems(const std::vector<RecoveryWindow>& windows, WindowFacts& facts) {
  auto known = facts.known_backups ? *facts.known_backups : std::vector<BackupFigures>();
  for (std::size_t i = windows.size() - 1; i-- > 0;) {
    const RecoveryWindow& earlier = windows[i];
    const RecoveryWindow& next = windows[i + 1];
    const std::vector<RecoverySpan> spans = earlier.spans_to(earlier.latest_timeline());
    const bool from_its_first =
        !next.spans.empty() && facts.from && *facts.from == end_of(next.backups.front().summary) && !spans.empty();
    facts.from = from_its_first ? spans.back().from_time : facts.from;
    std::vector<SpanFigures> before;
    for (const RecoverySpan& span : spans) {
      before.push_back({span.from_time, span.until_time});
    }
    facts.latest_spans.insert(facts.latest_spans.begin(), before.begin(), before.end());
    WindowFacts of_system;
    note_backups(earlier, of_system);
    known.insert(known.begin(), of_system.known_backups->begin(), of_system.known_backups->end());
    facts.backups += of_system.backups;
    for (const auto& [keep, count] : of_system.backups_by_keep) {
      facts.backups_by_keep[keep] += count;
    }
    if (of_system.first_backup_started) {
      facts.first_backup_started =
          std::min(facts.first_backup_started.value_or(*of_system.first_backup_started), *of_system.first_backup_started);
    }
  }
  std::ranges::sort(known, {}, &BackupFigures::started);
  if (known.size() > max_known_backups) {
    known.erase(known.begin(), known.end() - max_known_backups);
  }
  facts.known_backups = std::make_shared<const std::vector<BackupFigures>>(std::move(known));
}

WindowFacts window_facts(const RecoveryWindow& window, const std::optional<WalReceiverStatus>& receiver,
                         const std::optional<LostWal>& lost) {
  WindowFacts facts;
  const RecoverySpan* last = nullptr;
  for (const RecoverySpan& span : window.spans) {
    if (last == nullptr || span.until_time >= last->until_time) {
      last = &span;
    }
  }
  if (last != nullptr) {
    facts.from = last->from_time;
    facts.until = last->until_time;
    facts.until_lsn = last->until_lsn;
    facts.followed =
        receiver && receiver->stored.valid() && receiver->timeline == last->until_timeline && last->until_lsn >= receiver->stored;
  }
  for (const RecoverySpan& span : window.spans_to(window.latest_timeline())) {
    facts.latest_spans.push_back({span.from_time, span.until_time});
  }
  facts.spans = window.spans.size();
  facts.gaps = window.gaps.size();
  note_gaps(window, receiver, lost, facts);
  note_backups(window, facts);
  return facts;
}

}  // namespace pgrecall
