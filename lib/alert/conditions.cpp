#include "alert/conditions.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "alert/bench.h"

namespace pgrecall {

namespace {
constexpr std::array<std::string_view, 25> names{condition::run_failed,
                                                 condition::backup_too_old,
                                                 condition::drill_too_old,
                                                 condition::window_too_short,
                                                 condition::window_broken,
                                                 condition::rpo_exceeded,
                                                 condition::wal_stalled,
                                                 condition::slot_retention,
                                                 condition::slot_lost,
                                                 condition::wal_gap,
                                                 condition::verify_damage,
                                                 condition::page_checksum_errors,
                                                 condition::backup_size_unusual,
                                                 condition::companion_missing,
                                                 condition::repository_filling,
                                                 condition::repository_space_low,
                                                 condition::runs_missed,
                                                 condition::receiver_failing,
                                                 condition::config_reload_failed,
                                                 condition::credential_expiring,
                                                 condition::clock_jump,
                                                 condition::cluster_unguarded,
                                                 condition::expire_waits,
                                                 condition::journal_rebuilt,
                                                 condition::state_unwritable};
}  // namespace

std::span<const std::string_view> all_conditions() noexcept { return names; }

bool explains(const Alert& one, const Alert& other) {
  const auto is = [](const Alert& alert, std::initializer_list<std::string_view> among) {
    return std::ranges::find(among, alert.name) != among.end();
  };
  if (one.cluster.empty() || one.cluster != other.cluster || one.severity < other.severity) {
    return false;
  }
  if (one.name == condition::cluster_unguarded) {
    return is(other, {condition::rpo_exceeded, condition::wal_stalled, condition::backup_too_old});
  }
  if (one.name == condition::wal_stalled) {
    return is(other, {condition::rpo_exceeded});
  }
  return is(one, {condition::wal_gap, condition::slot_lost}) && is(other, {condition::window_broken});
}

int rank(const Alert& alert) noexcept {
  if (alert.name == condition::wal_stalled) {
    return 1;
  }
  const bool explained =
      alert.name == condition::rpo_exceeded || alert.name == condition::backup_too_old || alert.name == condition::window_broken;
  return explained ? 2 : 0;
}

std::string runbook_address(const std::string& runbook_url, std::string_view alert_name) {
  return runbook_url + (runbook_url.empty() || runbook_url.ends_with('/') ? "" : "/") + std::string(alert_name) + ".md";
}

Judged& Bench::add(const char* name, Severity severity, Passing passing) {
  Judged& judged = judgement_.conditions.emplace_back();
  judged.alert.name = name;
  judged.alert.severity = severity;
  judged.alert.runbook = runbook_address(options_.runbook_url, name);
  if (passing == Passing::often) {
    judged.hold = options_.hold;
    judged.settle = options_.settle;
  }
  return judged;
}

Judged& Bench::add(const char* name, Severity severity, const ClusterFigures& cluster, Passing passing) {
  Judged& judged = add(name, severity, passing);
  judged.alert.cluster = cluster.cluster;
  return judged;
}

Judgement judge(const ServiceFigures& figures, const JudgeOptions& options) {
  Judgement judgement;
  Bench bench(figures, options, judgement);
  judge_daemon(bench);
  for (const ClusterFigures& cluster : figures.clusters) {
    if (cluster.state == "opening" && !cluster.window_computed) {
      judgement.unknown_clusters.insert(cluster.cluster);
    }
    judge_guard(cluster, bench);
    judge_runs(cluster, bench);
    if (cluster.state == "held_by_another") {
      continue;  // whoever works on it judges the rest, from what it alone knows
    }
    judge_backups(cluster, bench);
    judge_window(cluster, bench);
    judge_wal(cluster, bench);
  }
  for (const RepositoryFigures& repository : figures.repositories) {
    if (!repository.free_bytes) {
      judgement.unknown_repositories.insert(repository.repository);
    }
    judge_repository(repository, bench);
  }
  return judgement;
}

}  // namespace pgrecall
