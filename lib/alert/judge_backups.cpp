#include <map>

#include "alert/bench.h"
#include "alert/sizes.h"

namespace pgrecall {

namespace {
// Before then, the first backup of a cluster is still expected.
constexpr double first_backup_within_seconds = 2 * 3600;

void judge_age(const ClusterFigures& cluster, Bench& bench) {
  const double allowed = cluster.targets.backup_max_age_seconds;
  if (allowed <= 0) {
    return;
  }
  std::string summary;
  if (cluster.newest_backup_started) {
    const double age = bench.seconds_since(*cluster.newest_backup_started);
    if (age <= allowed) {
      return;
    }
    summary = fmt::format("The newest backup of {} is {} old: it began at {}, and at most {} are promised.", cluster.cluster,
                          span_text(age), format_time(*cluster.newest_backup_started), span_text(allowed));
  } else {
    const bool looked = cluster.ours && cluster.window_computed && cluster.window_problem.empty();
    if (!looked || bench.seconds_since(cluster.guarded_since) <= std::min(allowed, first_backup_within_seconds)) {
      return;
    }
    summary = fmt::format("There is no backup of {} yet, {} after the daemon began to look after it.", cluster.cluster,
                          span_text(bench.seconds_since(cluster.guarded_since)));
  }
  Judged& judged = bench.add(condition::backup_too_old, Severity::critical, cluster);
  judged.alert.summary = summary;
  judged.alert.action =
      fmt::format("See with pgrecall runs {0} why there is no newer one, then take one: pgrecall backup {0}.", cluster.cluster);
}

// A cluster that was never drilled is given as long as one that was.
void judge_drill(const ClusterFigures& cluster, Bench& bench) {
  const double allowed = cluster.targets.drill_max_age_seconds;
  if (allowed <= 0 || !cluster.first_backup_started) {
    return;
  }
  const Time since = cluster.drill.last_success.value_or(std::max(*cluster.first_backup_started, cluster.guarded_since));
  if (bench.seconds_since(since) <= allowed) {
    return;
  }
  Judged& judged = bench.add(condition::drill_too_old, Severity::warning, cluster);
  judged.alert.summary =
      cluster.drill.last_success
          ? fmt::format("No drill of {} has passed for {}{}.", cluster.cluster, span_text(bench.seconds_since(since)),
                        cluster.drill.proven_until
                            ? ": it is proved to be recoverable until " + format_time(*cluster.drill.proven_until)
                            : "")
          : fmt::format("No drill of {} has ever passed: that it can be recovered is not proved.", cluster.cluster);
  judged.alert.action =
      (cluster.drill.last_problem.empty() ? "" : "The last one failed: " + sentence(cluster.drill.last_problem) + " ") +
      fmt::format("See with pgrecall runs {0} why; when that is mended, pgrecall drill {0}.", cluster.cluster);
}

void judge_damage(const ClusterFigures& cluster, Bench& bench) {
  if (cluster.damaged_objects == 0) {
    return;
  }
  Judged& judged = bench.add(condition::verify_damage, Severity::critical, cluster);
  judged.alert.summary =
      sentence(fmt::format("Verify found damage in what the repository holds of {}: {} object{}, the first is {}",
                           cluster.cluster, cluster.damaged_objects, cluster.damaged_objects == 1 ? "" : "s", cluster.damage));
  judged.alert.action = fmt::format(
      "Take a backup that stores everything anew, pgrecall backup {0} --full; look after the storage; see with pgrecall verify "
      "{0} what is affected. Remove nothing before that.",
      cluster.cluster);
}

void judge_pages(const ClusterFigures& cluster, Bench& bench) {
  if (cluster.backups.empty() || cluster.backups.back().page_failures == 0) {
    return;
  }
  const BackupFigures& newest = cluster.backups.back();
  Judged& judged = bench.add(condition::page_checksum_errors, Severity::critical, cluster);
  judged.alert.summary =
      fmt::format("{} page{} of {} failed {} checksum on the server itself, as backup {} read {}.", newest.page_failures,
                  newest.page_failures == 1 ? "" : "s", cluster.cluster, newest.page_failures == 1 ? "its" : "their", newest.id,
                  newest.page_failures == 1 ? "it" : "them");
  judged.alert.action = fmt::format(
      "See with pgrecall show {0} {1} which; check the server's disk; bring the relation back from an earlier backup, which "
      "pgrecall pin {0} ID keeps.",
      cluster.cluster, newest.id);
}

void add_companion(const ClusterFigures& cluster, const std::string& subject, std::string summary, std::string action,
                   Bench& bench) {
  Judged& judged = bench.add(condition::companion_missing, Severity::warning, cluster);
  judged.alert.subject = subject;
  judged.alert.summary = std::move(summary);
  judged.alert.action = std::move(action);
}

void judge_companions(const ClusterFigures& cluster, Bench& bench) {
  if (cluster.backups.empty()) {
    return;
  }
  const BackupFigures& newest = cluster.backups.back();
  for (const CompanionFigures& companion : newest.companions) {
    if (!companion.problem.empty()) {
      add_companion(cluster, companion.name,
                    sentence(fmt::format("The newest backup of {}, {}, is without its companion files {}: {}", cluster.cluster,
                                         newest.id, companion.name, companion.problem)),
                    fmt::format("The database is in it whole. Mend what it names, see with pgrecall check {0} that it can be "
                                "gathered, then take a backup: pgrecall backup {0}.",
                                cluster.cluster),
                    bench);
    }
  }
  if (cluster.lacks_vault_key()) {
    add_companion(
        cluster, "Vault key",
        fmt::format("The newest backup of {}, {}, lacks pgsodium_root.key: nothing that Supabase's Vault holds can be "
                    "decrypted without it.",
                    cluster.cluster, newest.id),
        fmt::format("Name that file under clusters.{0}.companions, then take a backup: pgrecall backup {0}.", cluster.cluster),
        bench);
  }
}

void add_unusual(const ClusterFigures& cluster, const BackupFigures& newest, const char* what, const UnusualSize& found,
                 Bench& bench) {
  Judged& judged = bench.add(condition::backup_size_unusual, Severity::warning, cluster);
  judged.alert.subject = newest.keep + " " + what;
  judged.alert.summary = fmt::format("The last {} backup of {}, {}, {} {}; the median of the {} before it is {}.", newest.keep,
                                     cluster.cluster, newest.id, std::string(what) == "stored" ? "stored" : "is of",
                                     format_size(found.bytes), found.samples, format_size(found.median));
  judged.alert.action = fmt::format(
      "Find out what was {} on the server; where nobody knows, keep an earlier backup: pgrecall list {}, then "
      "pgrecall pin {} ID.",
      found.bytes > found.median ? "loaded or rewritten" : "dropped or truncated", cluster.cluster, cluster.cluster);
}

void judge_sizes(const ClusterFigures& cluster, Bench& bench) {
  std::map<std::string, std::vector<const BackupFigures*>> by_keep;
  for (const BackupFigures& backup : cluster.backups) {
    by_keep[backup.keep].push_back(&backup);
  }
  for (const auto& [keep, backups] : by_keep) {
    std::vector<std::uint64_t> logical;
    std::vector<std::uint64_t> stored;
    for (const BackupFigures* backup : backups) {
      logical.push_back(backup->logical_bytes);
      stored.push_back(backup->stored_bytes);
    }
    if (const auto found = unusual_size(logical)) {
      add_unusual(cluster, *backups.back(), "logical", *found, bench);
    }
    if (const auto found = unusual_size(stored)) {
      add_unusual(cluster, *backups.back(), "stored", *found, bench);
    }
  }
}
}  // namespace

void judge_backups(const ClusterFigures& cluster, Bench& bench) {
  judge_age(cluster, bench);
  judge_drill(cluster, bench);
  judge_damage(cluster, bench);
  judge_pages(cluster, bench);
  judge_companions(cluster, bench);
  judge_sizes(cluster, bench);
}

void judge_window(const ClusterFigures& cluster, Bench& bench) {
  const double promised = cluster.targets.window_seconds;
  if (cluster.window_broken) {
    Judged& judged = bench.add(condition::window_broken, Severity::critical, cluster);
    judged.alert.summary = fmt::format(
        "Not every moment of the last {} of {} can be brought back: WAL is missing in between{}.", span_text(promised),
        cluster.cluster,
        cluster.recoverable_from ? "; without a gap it reaches back to " + format_time(*cluster.recoverable_from) : "");
    judged.alert.action = fmt::format(
        "See with pgrecall wal status {0} what is missing. {1} It is over when the gap is older than "
        "clusters.{0}.retention.window.",
        cluster.cluster,
        cluster.wal.gap_repaired ? "A backup behind the gap is there already; nothing else is to be done."
                                 : "A backup that begins a new window is started by itself: see that it ends well.");
    return;  // that it is too short as well says nothing new
  }
  if (cluster.window_awaited) {
    // Not told before it is certain, and not over either.
    Judged& judged = bench.add(condition::window_broken, Severity::critical, cluster);
    judged.hold = std::chrono::hours(24 * 365);
    judged.alert.summary =
        fmt::format("WAL of {} between its backups is not here yet; it may still be received from the server.", cluster.cluster);
    judged.alert.action = fmt::format("See with pgrecall status {} whether WAL is received.", cluster.cluster);
    return;
  }
  constexpr double tolerance = 0.95;
  if (promised <= 0 || !cluster.first_backup_started || bench.seconds_since(*cluster.first_backup_started) <= promised) {
    return;
  }
  const bool known = cluster.window_computed && cluster.window_problem.empty();
  const double reach = cluster.recoverable_from ? bench.seconds_since(*cluster.recoverable_from) : 0;
  if (!known || reach >= tolerance * promised) {
    return;
  }
  Judged& judged = bench.add(condition::window_too_short, Severity::critical, cluster);
  judged.alert.summary = fmt::format("{} can be brought back to moments of the last {} only; {} are promised.", cluster.cluster,
                                     span_text(reach), span_text(promised));
  judged.alert.action = fmt::format(
      "See with pgrecall list {0} and pgrecall wal status {0} which backup or WAL is missing; the window grows again by itself "
      "while WAL and backups come.",
      cluster.cluster);
}

}  // namespace pgrecall
