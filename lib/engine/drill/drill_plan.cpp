#include "engine/drill/drill_plan.h"

#include <algorithm>

#include "base/units.h"
#include "engine/drill/drill_aim.h"
#include "engine/postgres_program.h"
#include "engine/wal/window.h"

namespace pgrecall {

namespace {

using Aim = DrillRecord::Aim;

constexpr std::size_t past_drills = 60;  // a year of weekly ones
// Of WAL that was brought, the server keeps what its next restart point may need.
constexpr std::uint64_t most_kept_wal = std::uint64_t{2} << 30U;  // bytes

class DrillPlanner {
 public:
  DrillPlanner(const Repository& repository, const DrillRequest& request, const std::stop_token& stop)
      : repository_(repository), request_(request), stop_(stop), window_(window_of(repository, request)) {}

  DrillPlan execute(const ScratchDirectory& scratch, Time now, DrillChecks& checks);

 private:
  [[nodiscard]] static RecoveryWindow window_of(const Repository& repository, const DrillRequest& request);
  [[nodiscard]] std::vector<TimeSpan> reachable() const;
  [[nodiscard]] RecoveryTarget target_of(Aim aim) const;
  [[nodiscard]] std::string find_binaries() const;
  void note_gaps(DrillChecks& checks) const;
  void require_room(const RestorePlan& plan) const;

  const Repository& repository_;
  const DrillRequest& request_;
  const std::stop_token& stop_;
  const RecoveryWindow window_;
};

// Of the system that is there at the moment asked for; else of the newest that can be restored.
RecoveryWindow DrillPlanner::window_of(const Repository& repository, const DrillRequest& request) {
  std::vector<RecoveryWindow> windows = compute_windows(repository, request.cluster);
  const bool by_time = request.target && request.target->kind == RecoveryTarget::Kind::time;
  return std::move(windows[choose_window(windows, by_time ? std::optional(request.target->time) : std::nullopt)]);
}

std::vector<TimeSpan> DrillPlanner::reachable() const {
  std::vector<TimeSpan> spans;
  for (const RecoverySpan& span : window_.spans_to(window_.histories.empty() ? 0 : window_.histories.rbegin()->first)) {
    const WalPlaces places{.repository = repository_, .system = window_.system(), .spool = {}};
    spans.push_back({span.from_time, std::max(span.from_time, covered_until(places, window_, span, stop_))});
  }
  if (spans.empty()) {
    throw Error(ErrorKind::target_unreachable, "there is nothing to drill: no backup has all the WAL that it needs",
                "take a backup: pgrecall backup " + request_.cluster)
        .with("cluster", request_.cluster);
  }
  return spans;
}

RecoveryTarget DrillPlanner::target_of(Aim aim) const {
  RecoveryTarget target;
  if (aim == Aim::asked) {
    return request_.target.value_or(target);
  }
  const std::vector<TimeSpan> spans = reachable();
  if (aim == Aim::newest) {
    return target;  // the latest
  }
  target.kind = RecoveryTarget::Kind::time;
  target.time = aim == Aim::oldest ? spans.front().from : random_moment(spans, request_.seed).value_or(spans.front().from);
  return target;
}

// Empty: where packages put them.
std::string DrillPlanner::find_binaries() const {
  const unsigned major = window_.backups.empty() ? 0 : window_.backups.back().summary.server_version / 10'000;
  for (const std::string& directory : request_.binaries) {
    if (program_major(directory) == major) {
      return directory;
    }
  }
  return {};
}

// On the way to the newest timeline, behind the last backup: others were healed by a later one, or are where retention has
// thinned.
void DrillPlanner::note_gaps(DrillChecks& checks) const {
  const Timeline latest = window_.latest_timeline();
  const auto history = window_.histories.find(latest);
  for (const WalGap& gap : window_.gaps) {
    const Lsn left = history == window_.histories.end() ? Lsn{} : history->second.end_of(gap.timeline);
    const bool left_behind = gap.timeline != latest && (!left.valid() || gap.from >= left);
    const bool healed =
        std::ranges::any_of(window_.spans_to(latest), [&](const RecoverySpan& span) { return span.from_lsn >= gap.until; });
    if (!left_behind && !healed) {
      checks.bad("window",
                 "WAL is missing from " + gap.from.to_string() + " to " + gap.until.to_string() + " on timeline " +
                     std::to_string(gap.timeline) + ": nothing behind it can be recovered",
                 "take a backup now: pgrecall backup " + request_.cluster);
    }
  }
}

void DrillPlanner::require_room(const RestorePlan& plan) const {
  const BackupSummary& newest = window_.backups.back().summary;
  const BackupSummary& chosen = plan.backup.summary;
  const std::uint64_t growth = newest.logical_bytes - std::min(newest.logical_bytes, chosen.logical_bytes);
  const std::uint64_t wal = plan.recovery->wal_until.value - std::min(plan.recovery->wal_until.value, chosen.start_lsn.value);
  for (const RestorePlan::Space& space : plan.space) {
    const std::uint64_t needed = space.needed + growth + std::min(wal, most_kept_wal);
    if (space.available < needed) {
      throw Error(ErrorKind::failed, "too little space for the scratch copy",
                  "free space there, or choose another file system: `scratch` in the configuration, or --scratch DIR")
          .with("path", space.path)
          .with("needed", format_size(needed))
          .with("available", format_size(space.available));
    }
  }
}

DrillPlan DrillPlanner::execute(const ScratchDirectory& scratch, Time now, DrillChecks& checks) {
  DrillPlan plan;
  plan.aim = request_.target ? Aim::asked
                             : request_.aim.value_or(next_aim(read_drills(repository_, request_.cluster, past_drills), now));
  RestoreRequest restore;
  restore.cluster = request_.cluster;
  restore.into = scratch.data();
  restore.tablespaces_into = scratch.tablespaces();
  restore.workers = request_.workers;
  restore.binaries = find_binaries();
  restore.recovery = RecoveryRequest{.target = target_of(plan.aim),
                                     .action = TargetAction::pause,
                                     .timeline = {},
                                     .archive_mode = ArchiveMode::off,
                                     .restore_command = request_.restore_command,
                                     .spool = {},
                                     .needed_paths = request_.needed_paths};
  plan.restore = plan_restore(repository_, restore, stop_);
  if (plan.restore.postgres_binaries.empty()) {
    throw Error(ErrorKind::failed, "a drill needs PostgreSQL of the cluster's version on this host",
                "install it, or say where its programs are: drill.binaries in the configuration, or --binaries DIR")
        .with("version", plan.restore.backup.summary.server_version / 10'000);
  }
  if (!plan.restore.unreadable.empty()) {
    throw Error(ErrorKind::failed,
                "user " + plan.restore.owner + ", who would run the scratch server, may not read what its restore_command needs",
                "let that user read it, or give the scratch directory to the user who owns it: that one runs the server")
        .with("path", plan.restore.unreadable.front());
  }
  require_room(plan.restore);
  note_gaps(checks);
  return plan;
}

}  // namespace

DrillPlan plan_drill(const Repository& repository, const DrillRequest& request, const ScratchDirectory& scratch, Time now,
                     DrillChecks& checks, const std::stop_token& stop) {
  return DrillPlanner(repository, request, stop).execute(scratch, now, checks);
}

}  // namespace pgrecall
