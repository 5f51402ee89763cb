#include "engine/expire/sweep_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "engine/expire/live_packs.h"
#include "repository/expired.h"
#include "repository/manifest.h"
#include "repository/marks.h"

namespace pgrecall {

namespace {

constexpr std::size_t kept_ledgers = 2;
constexpr std::chrono::hours marks_stay_dense{24};

void put_in(SweepPlan::Group& group, const ObjectInfo& object, bool old_enough) {
  if (old_enough) {
    group.names.push_back(object.name);
    group.bytes += object.size;
  } else {
    ++group.waiting;
    group.waiting_bytes += object.size;
  }
}

class SweepPlanner {
 public:
  SweepPlanner(const Repository& repository, const SweepRequest& request, Time now, const std::set<BackupId>& as_if_removed)
      : repository_(repository),
        request_(request),
        now_(now),
        as_if_removed_(as_if_removed),
        catalog_(read_catalog(repository, request.cluster)),
        expired_(read_expired(repository, request.cluster)),
        packs_(repository, request.cluster) {}

  SweepPlan plan();

 private:
  void take_listing();
  void find_living();
  [[nodiscard]] bool old_enough(Time modified) const { return modified + request_.grace <= age_now_; }
  [[nodiscard]] bool removed(const BackupId& id) const { return as_if_removed_.contains(id); }
  // What backups need that would be removed now only begins to wait.
  [[nodiscard]] bool at_once() const { return as_if_removed_.empty() || request_.grace.count() == 0; }
  void plan_remains();
  void plan_packs();
  void need_packs_of(const BackupId& id, Time begun, Time ended);
  void plan_wal();
  void plan_wal_object(const ObjectInfo& object, const WalNeeds& needs, const RecoveryWindow& window);
  void plan_wal_of(const RecoveryWindow& window, const WindowNeeds& of_window, const std::string& kept);
  void thin_times(const WalNeeds& needs, const WindowNeeds& window_needs, std::uint64_t system);

  const Repository& repository_;
  const SweepRequest& request_;
  const Time now_;
  const std::set<BackupId>& as_if_removed_;
  const Catalog catalog_;
  const std::vector<ExpiredBackup> expired_;
  SweepPlan plan_;
  // A clock that ran ahead makes nothing old: age is counted up to the newest object at most.
  Time age_now_;
  LivePacks packs_;
  std::map<BackupId, std::vector<ObjectInfo>> of_backups_;
  std::vector<ObjectInfo> wal_;
  std::map<std::uint64_t, std::vector<std::pair<WalTime, ObjectInfo>>> times_;  // by system
  std::vector<ObjectInfo> histories_;
  std::vector<ObjectInfo> ledgers_;
  std::vector<BackupId> unreadable_;  // there is a summary, and it cannot be read
  std::vector<const ExpiredBackup*> in_grace_;
  bool leave_packs_ = false;
};

SweepPlan SweepPlanner::plan() {
  take_listing();
  find_living();
  plan_remains();
  plan_packs();
  plan_wal();
  return std::move(plan_);
}

void SweepPlanner::take_listing() {
  Time newest{};
  repository_.store().list(cluster_prefix(request_.cluster), [&](const ObjectInfo& object) {
    newest = std::max(newest, object.modified);
    const ParsedName name = parse_object_name(object.name);
    switch (name.kind) {
      case NameKind::pack:
      case NameKind::relocation: packs_.add(object, name); break;
      case NameKind::summary:
      case NameKind::manifest:
      case NameKind::mark: of_backups_[*name.backup].push_back(object); break;
      case NameKind::wal_segment:
      case NameKind::wal_tail: wal_.push_back(object); break;
      case NameKind::wal_time: times_[*name.system].emplace_back(wal_time_of(object.name), object); break;
      case NameKind::history: histories_.push_back(object); break;
      case NameKind::verify_ledger: ledgers_.push_back(object); break;
      default: break;
    }
  });
  packs_.sort();
  age_now_ = std::min(now_, newest);
}

void SweepPlanner::find_living() {
  for (const ListedBackup& backup : catalog_.backups) {
    plan_.alive.push_back(backup.summary.id);
  }
  for (const DamagedBackup& damaged : catalog_.damaged) {
    if (std::ranges::find(plan_.alive, damaged.id) == plan_.alive.end()) {
      plan_.alive.push_back(damaged.id);
      unreadable_.push_back(damaged.id);
      plan_.problems.push_back("the summary of " + damaged.id.text +
                               " cannot be read: no WAL goes while it is there, since nobody knows what it needs");
    }
  }
  for (const ExpiredBackup& backup : expired_) {
    if (!old_enough(backup.expired)) {
      in_grace_.push_back(&backup);
      plan_.alive.push_back(backup.id);
    }
  }
}

void SweepPlanner::plan_remains() {
  for (auto& [id, objects] : of_backups_) {
    const bool has_summary = std::ranges::any_of(
        objects, [](const ObjectInfo& each) { return parse_object_name(each.name).kind == NameKind::summary; });
    const auto expired = std::ranges::find(expired_, id, &ExpiredBackup::id);
    if (has_summary && !removed(id)) {
      continue;
    }
    bool old = at_once();
    if (old && expired != expired_.end()) {
      old = old_enough(expired->expired);
    } else if (old) {
      // Of an interrupted backup, which may be a running one where no lease is held: by its newest object.
      old = old_enough(std::ranges::max(objects, {}, &ObjectInfo::modified).modified);
    }
    // The mark that says since when comes last: without it what is left would pass for an interrupted backup.
    std::stable_partition(objects.begin(), objects.end(),
                          [](const ObjectInfo& each) { return !parse_object_name(each.name).rest.starts_with("expired-"); });
    for (const ObjectInfo& object : objects) {
      put_in(plan_.remains, object, old);
    }
  }
  // The newest says all that the others say; one more, in case that it is damaged.
  std::ranges::sort(ledgers_, std::greater{}, &ObjectInfo::name);
  for (std::size_t i = kept_ledgers; i < ledgers_.size(); ++i) {
    put_in(plan_.remains, ledgers_[i], old_enough(ledgers_[i].modified) && at_once());
  }
}

void SweepPlanner::need_packs_of(const BackupId& id, Time begun, Time ended) {
  try {
    for (const PackId& pack : read_manifest_totals(repository_, request_.cluster, id).packs) {
      packs_.need(pack, begun, ended);
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    if (std::ranges::find(in_grace_, id, [](const ExpiredBackup* each) { return each->id; }) == in_grace_.end()) {
      leave_packs_ = true;
      plan_.problems.push_back("no pack goes while nobody can tell which ones " + id.text + " needs: " + error.what());
    }
  }
}

void SweepPlanner::plan_packs() {
  // Stores and hosts round times: a pack's may seem to be a little before or behind the backup that put it.
  constexpr std::chrono::seconds slack{2};
  for (const ListedBackup& backup : catalog_.backups) {
    if (!removed(backup.summary.id)) {
      need_packs_of(backup.summary.id, backup.summary.started - slack, backup.summary.finished + slack);
    }
  }
  for (const BackupId& id : unreadable_) {
    need_packs_of(id, Time::max(), Time::min());
  }
  for (const ExpiredBackup* backup : in_grace_) {
    need_packs_of(backup->id, Time::max(), Time::min());
  }
  if (!packs_.missing().empty()) {
    plan_.problems.push_back(std::to_string(packs_.missing().size()) +
                             " packs that backups need are missing; run pgrecall verify to see which backups that hits");
  }
  if (leave_packs_) {
    return;
  }
  for (const LivePacks::Pack& pack : packs_.packs()) {
    if (!pack.needed) {
      put_in(plan_.packs, {pack_name(request_.cluster, pack.id), pack.size, pack.modified},
             old_enough(pack.modified) && at_once());
    } else if (!pack.stored_by_living || packs_.find_relocation(pack.id) != nullptr) {
      plan_.to_look_into.push_back(pack.id);
    }
  }
  for (const LivePacks::Relocated& relocation : packs_.relocated()) {
    if (!relocation.needed) {
      put_in(plan_.packs, {relocation_name(request_.cluster, relocation.id), relocation.size, relocation.modified},
             old_enough(relocation.modified) && at_once());
    }
  }
}

void SweepPlanner::plan_wal_object(const ObjectInfo& object, const WalNeeds& needs, const RecoveryWindow& window) {
  constexpr std::size_t segment_digits = 24;
  const ParsedName name = parse_object_name(object.name);
  if (name.system != window.system_identifier) {
    return;
  }
  const auto segment = WalSegment::parse(std::string_view(name.rest).substr(0, segment_digits), window.segment_size);
  if (!segment) {
    return;
  }
  bool needed = needs.segment(segment->timeline, segment->number);
  if (needed && name.kind == NameKind::wal_tail) {
    // The whole segment is there by now, and everybody reads that.
    const auto held = window.wal.timelines.find(segment->timeline);
    needed =
        held == window.wal.timelines.end() || std::ranges::none_of(held->second.ranges, [&](const TimelineWal::Range& range) {
          return range.first <= segment->number && segment->number <= range.last;
        });
  }
  if (!needed) {
    put_in(plan_.wal, object, old_enough(object.modified) && at_once());
  }
}

// A mark that a later one of the same LSN follows says nothing more, and of older times one an hour is enough.
void SweepPlanner::thin_times(const WalNeeds& needs, const WindowNeeds& window_needs, std::uint64_t system) {
  auto& times = times_[system];
  std::ranges::sort(times, {}, [](const auto& each) { return each.first; });
  const Time dense_since = window_needs.reference - marks_stay_dense;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto& [at, object] = times[i];
    const WalTime* const next = i + 1 < times.size() ? &times[i + 1].first : nullptr;
    const auto hour = [](Time time) { return std::chrono::floor<std::chrono::hours>(time); };
    const bool followed = next != nullptr && next->timeline == at.timeline && next->time >= at.time &&
                          (next->lsn == at.lsn || (next->time < dense_since && hour(next->time) == hour(at.time)));
    if (followed || !needs.time(at)) {
      put_in(plan_.wal, object, old_enough(object.modified) && at_once());
    }
  }
}

void SweepPlanner::plan_wal() {
  if (!request_.policy || !unreadable_.empty()) {
    return;
  }
  std::vector<RecoveryWindow> windows = compute_windows(repository_, request_.cluster);
  for (RecoveryWindow& window : windows) {
    std::erase_if(window.backups, [this](const ListedBackup& each) { return removed(each.summary.id); });
    find_spans(window);
  }
  std::vector<PolicyBackup> views;
  for (const ListedBackup& backup : catalog_.backups) {
    if (!removed(backup.summary.id)) {
      views.push_back(policy_view(backup));
    }
  }
  const std::vector<WindowNeeds> needs = window_needs(windows, views, *request_.policy, now_);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    plan_wal_of(windows[i], needs[i], windows.size() == 1 ? "no WAL goes" : "no WAL of " + describe_system(windows[i]) + " goes");
  }
}

void SweepPlanner::plan_wal_of(const RecoveryWindow& window, const WindowNeeds& of_window, const std::string& kept) {
  if (!of_window.keeps_all_wal.empty()) {
    plan_.notes.push_back(kept + ": " + of_window.keeps_all_wal);
    return;
  }
  WalNeeds needs(of_window, window.segment_size);
  for (const ListedBackup& backup : catalog_.backups) {
    if (!removed(backup.summary.id) && backup.summary.system_identifier == window.system_identifier) {
      needs.need(backup.summary);
    }
  }
  bool in_grace = false;
  for (const ExpiredBackup* backup : in_grace_) {
    if (backup->summary && backup->summary->system_identifier == window.system_identifier) {
      needs.need_from(*backup->summary);
      in_grace = true;
    }
  }
  for (const ObjectInfo& object : wal_) {
    plan_wal_object(object, needs, window);
  }
  thin_times(needs, of_window, window.system_identifier);
  const bool gone = of_window.replaced && window.backups.empty() && !in_grace;
  for (const ObjectInfo& object : histories_) {
    if (gone && parse_object_name(object.name).system == window.system_identifier) {
      put_in(plan_.wal, object, old_enough(object.modified) && at_once());
    }
  }
}

}  // namespace

SweepPlan plan_sweep(const Repository& repository, const SweepRequest& request, Time now,
                     const std::set<BackupId>& as_if_removed) {
  return SweepPlanner(repository, request, now, as_if_removed).plan();
}

}  // namespace pgrecall
