#include "engine/expire/expire.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"
#include "repository/expired.h"

namespace pgrecall {

namespace {

SweepRequest sweep_request(const ExpireSettings& settings) {
  return {.cluster = settings.cluster,
          .policy = settings.policy,
          .grace = settings.grace,
          .rewrite_when_dead = settings.rewrite_when_dead};
}

// Of the present system, the last span on the newest timeline; what its bases are begins the window.
std::optional<WindowSpan> span_of(const RecoveryWindow& window) {
  const RecoverySpan* last = nullptr;
  for (const RecoverySpan& span : window.spans) {
    last = span.timeline == window.latest_timeline() ? &span : last;
  }
  return last == nullptr ? std::nullopt
                         : std::optional(WindowSpan{last->from_time, std::max(last->from_time, last->until_time), last->from_lsn,
                                                    last->until_lsn});
}

// Makes `settings.remove` go, where nothing speaks against it.
void mark_for_removal(std::vector<BackupFate>& fates, const ExpireSettings& settings) {
  const auto fate = std::ranges::find(fates, *settings.remove, [](const BackupFate& each) { return each.verdict.id; });
  if (fate == fates.end()) {
    throw Error(ErrorKind::target_unreachable, "there is no such backup", "pgrecall list shows the backups that there are")
        .with("cluster", settings.cluster)
        .with("backup", settings.remove->text);
  }
  for (const KeepReason& reason : fate->verdict.reasons) {
    const bool counted = reason.rule == KeepRule::manual || reason.rule == KeepRule::daily || reason.rule == KeepRule::weekly ||
                         reason.rule == KeepRule::monthly;
    if (!counted) {
      throw Error(ErrorKind::failed, "this backup cannot be removed: " + reason.text,
                  reason.rule == KeepRule::pinned ? "pgrecall unpin it first"
                                                  : "take a new backup; this one may go when it is not needed")
          .with("backup", settings.remove->text);
    }
  }
  fate->verdict.reasons.clear();
  fate->verdict.why_not = "named for removal";
}

// What the window would be once these backups, and the WAL that nobody needs then, are gone.
void foresee(std::vector<RecoveryWindow>& windows, ExpirePlan& plan, const std::vector<PolicyBackup>& staying,
             const RetentionPolicy& policy) {
  for (RecoveryWindow& each : windows) {
    std::erase_if(each.backups, [&](const ListedBackup& backup) {
      return std::ranges::find(staying, backup.summary.id, &PolicyBackup::id) == staying.end();
    });
    find_spans(each);
  }
  RecoveryWindow& window = windows.back();
  WalNeeds wal(window_needs(windows, staying, policy, plan.made).back(), window.segment_size);
  for (const BackupFate& fate : plan.backups) {
    if (fate.verdict.stays() && fate.backup.summary.system_identifier == window.system_identifier) {
      wal.need(fate.backup.summary);
    }
  }
  if (plan.unreadable.empty()) {
    window.wal = wal.remaining(window.wal);
    find_spans(window);
  }
  plan.window_then = span_of(window);
}

void judge_all(const Catalog& catalog, const ExpireSettings& settings, const std::vector<RecoveryWindow>& windows,
               ExpirePlan& plan) {
  std::vector<PolicyBackup> views;
  for (const ListedBackup& backup : catalog.backups) {
    views.push_back(policy_view(backup));
  }
  const std::vector<WindowNeeds> needs = window_needs(windows, views, settings.policy, plan.made);
  plan.reference = needs.back().reference;
  plan.window_start = needs.back().from;
  std::vector<Verdict> verdicts = judge_backups(views, settings.policy, bases_of(needs));
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    plan.backups.push_back({catalog.backups[i], std::move(verdicts[i])});
  }
  if (settings.remove) {
    mark_for_removal(plan.backups, settings);
  }
}

bool more_than_half_go(const ExpirePlan& plan) {
  std::size_t good = 0;
  std::size_t going = 0;
  for (const BackupFate& fate : plan.backups) {
    if (!known_damaged(fate.backup)) {
      ++good;
      going += fate.verdict.stays() ? 0U : 1U;
    }
  }
  return 2 * going > good;
}

// Once more, at the last moment: a pin that came meanwhile, another removal.
std::optional<std::string> why_stays(const Repository& repository, const ExpireSettings& settings, const BackupId& id) {
  const auto now = find_backup(repository, settings.cluster, id);
  if (!now) {
    return "it was removed meanwhile";
  }
  return now->pinned ? std::optional<std::string>("it was pinned meanwhile") : std::nullopt;
}

}  // namespace

std::size_t ExpirePlan::going() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(backups, [](const BackupFate& fate) { return !fate.verdict.stays(); }));
}

ExpirePlan plan_expire(const Repository& repository, const ExpireSettings& settings, const Clock& clock) {
  ExpirePlan plan;
  plan.cluster = settings.cluster;
  plan.made = clock.now();
  const Catalog catalog = read_catalog(repository, settings.cluster);
  for (const DamagedBackup& damaged : catalog.damaged) {
    if (std::ranges::find(catalog.backups, damaged.id, [](const ListedBackup& each) { return each.summary.id; }) ==
        catalog.backups.end()) {
      plan.unreadable.push_back(damaged);
    }
  }
  std::vector<RecoveryWindow> windows = compute_windows(repository, settings.cluster);
  judge_all(catalog, settings, windows, plan);
  plan.window_now = span_of(windows.back());
  plan.needs_confirmation = more_than_half_go(plan);
  std::set<BackupId> gone;
  std::vector<PolicyBackup> staying;
  for (const BackupFate& fate : plan.backups) {
    if (fate.verdict.stays()) {
      staying.push_back(policy_view(fate.backup));
    } else {
      gone.insert(fate.verdict.id);
    }
  }
  foresee(windows, plan, staying, settings.policy);
  const SweepPlan sweeping = plan_sweep(repository, sweep_request(settings), plan.made, gone);
  plan.bytes = sweeping.bytes() + sweeping.waiting_bytes();
  plan.problems = sweeping.problems;
  plan.notes = sweeping.notes;
  return plan;
}

ExpireResult expire(const Repository& repository, const ExpirePlan& plan, const ExpireSettings& settings,
                    Confirmation confirmation, const Clock& clock, Progress& progress, const std::stop_token& stop) {
  if (plan.needs_confirmation && confirmation == Confirmation::none) {
    throw Error(ErrorKind::failed, "more than half of the good backups would be removed",
                "look at `pgrecall expire " + settings.cluster + " --dry-run`; if that is wanted, add --confirm")
        .with("going", plan.going())
        .with("backups", plan.backups.size());
  }
  ExpireResult result;
  const auto lease = acquire_cluster_lease(repository, settings.cluster, "expire of " + settings.cluster, clock);
  progress.enter("removing backups");
  const ExpirePlan again = plan.going() == 0 ? ExpirePlan{} : plan_expire(repository, settings, clock);
  for (const BackupFate& fate : plan.backups) {
    if (fate.verdict.stays()) {
      continue;
    }
    throw_if_stopped(stop);
    const BackupId& id = fate.verdict.id;
    const auto now = std::ranges::find(again.backups, id, [](const BackupFate& each) { return each.verdict.id; });
    auto why = now == again.backups.end() ? std::optional<std::string>("it was removed meanwhile")
               : now->verdict.stays()     ? std::optional(now->verdict.reasons.front().text)
                                          : why_stays(repository, settings, id);
    if (why) {
      result.left.push_back(id.text + ": " + *why);
      continue;
    }
    lease->require();
    remove_backup(repository, now->backup.summary, clock.now());
    result.removed.push_back(id);
  }
  result.sweep = sweep_under(*lease, repository, sweep_request(settings), clock, progress, stop);
  return result;
}

}  // namespace pgrecall
