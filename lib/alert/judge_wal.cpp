#include <algorithm>

#include "alert/bench.h"

namespace pgrecall {

namespace {
constexpr double part_of_limit = 0.5;

std::string where_to_look(const ClusterFigures& cluster) {
  const std::string hint = cluster.wal.hint.empty() ? "" : "Hint: " + sentence(cluster.wal.hint) + " ";
  return hint +
         fmt::format("See with pgrecall status {0} and pgrecall check {0} whether server, network and role are as they should.",
                     cluster.cluster);
}

double interruption_allowed(const ClusterFigures& cluster) {
  constexpr double fallback_seconds = 300;
  const double allowed = cluster.targets.wal_interruption_seconds;
  return allowed > 0 ? allowed : fallback_seconds;
}

void judge_rpo(const ClusterFigures& cluster, Bench& bench) {
  const WalFigures& wal = cluster.wal;
  const double allowed = cluster.targets.rpo_seconds;
  if (allowed <= 0) {
    return;
  }
  const bool streaming = wal.state == "streaming";
  if (streaming && wal.lag_bytes == 0) {
    return;  // the server has nothing that is not here
  }
  const std::optional<Time> safe_until = wal.durable_time ? wal.durable_time : cluster.recoverable_until;
  if (!safe_until || bench.seconds_since(*safe_until) <= allowed) {
    return;
  }
  Judged& judged = bench.add(condition::rpo_exceeded, Severity::critical, cluster);
  judged.hold = streaming ? std::chrono::microseconds(0) : bench.options().hold;  // a daemon that just began has to connect first
  judged.settle = bench.options().settle;
  judged.alert.summary =
      fmt::format("If the server of {} were lost now, {} would be lost: WAL is safe up to {} only, and at most {} are promised.",
                  cluster.cluster, span_text(bench.seconds_since(*safe_until)), format_time(*safe_until), span_text(allowed));
  judged.alert.action = where_to_look(cluster);
}

void judge_reception(const ClusterFigures& cluster, Bench& bench) {
  const WalFigures& wal = cluster.wal;
  const double allowed = interruption_allowed(cluster);
  // The server says something every few seconds, also when there is no WAL.
  const bool silent = wal.state == "streaming" && wal.updated && bench.seconds_since(*wal.updated) > allowed;
  if (wal.state == "streaming" && !silent) {
    return;
  }
  Judged& judged = bench.add(condition::wal_stalled, Severity::critical, cluster);
  judged.hold =
      silent ? std::chrono::microseconds(0) : std::chrono::microseconds(static_cast<std::int64_t>(allowed * std::micro::den));
  judged.settle = bench.options().settle;
  std::string why = wal.problem;
  if (wal.state == "waiting_for_room") {
    why = fmt::format("the spool has no room, {} wait for the repository", format_size(wal.spool_bytes));
  } else if (silent) {
    why = "nothing was heard from the server since " + format_time(*wal.updated);
  }
  judged.alert.summary = sentence(fmt::format("WAL of {} is not received{}{}", cluster.cluster, why.empty() ? "" : ": ", why));
  judged.alert.action = where_to_look(cluster);
}

void judge_refused(const ClusterFigures& cluster, Bench& bench) {
  const std::uint64_t refused = cluster.wal.refused;
  if (refused == 0) {
    return;
  }
  Judged& judged = bench.add(condition::wal_stalled, Severity::critical, cluster);
  judged.alert.subject = "refused";
  judged.alert.summary = fmt::format(
      "{} WAL segment{} of {} could not be stored: the repository holds other bytes under {}. What was received stays in the "
      "spool.",
      refused, refused == 1 ? "" : "s", cluster.cluster, refused == 1 ? "its name" : "their names");
  judged.alert.action = fmt::format(
      "Find out who else writes WAL of {0} into this repository, such as a copy of the server that was promoted: pgrecall wal "
      "status {0}.",
      cluster.cluster);
}

void judge_slot(const ClusterFigures& cluster, const SlotFigures& slot, Bench& bench) {
  if (!slot.problem.empty()) {
    return;
  }
  if (!slot.exists || slot.wal_status == "lost") {
    Judged& judged = bench.add(condition::slot_lost, Severity::critical, cluster);
    judged.alert.summary = fmt::format("The replication slot on the server of {} {}: WAL that was not received yet may be gone.",
                                       cluster.cluster, slot.exists ? "was cut off" : "is not there");
    judged.alert.action = fmt::format(
        "It is made anew by itself. See with pgrecall wal status {0} whether WAL is missing; raise max_slot_wal_keep_size.",
        cluster.cluster);
    return;
  }
  double allowed = static_cast<double>(cluster.targets.slot_retained_bytes);
  if (slot.limit_bytes && *slot.limit_bytes > 0) {
    const double of_limit = part_of_limit * static_cast<double>(*slot.limit_bytes);
    allowed = allowed > 0 ? std::min(allowed, of_limit) : of_limit;
  }
  const bool too_much = allowed > 0 && static_cast<double>(slot.retained_bytes) > allowed;
  if (!too_much && slot.wal_status != "unreserved") {
    return;
  }
  Judged& judged = bench.add(condition::slot_retention, Severity::warning, cluster, Bench::Passing::often);
  judged.alert.summary = fmt::format("The server of {} keeps {} of WAL for pgrecall's replication slot; {}.", cluster.cluster,
                                     format_size(slot.retained_bytes),
                                     slot.limit_bytes ? "at " + format_size(*slot.limit_bytes) + " it cuts the slot off"
                                                      : "it has no limit, and its disk may fill");
  judged.alert.action = where_to_look(cluster);
}

void judge_gap(const ClusterFigures& cluster, Bench& bench) {
  if (cluster.wal.gaps == 0 || cluster.wal.gap_repaired) {
    return;
  }
  Judged& judged = bench.add(condition::wal_gap, Severity::critical, cluster);
  judged.alert.summary = fmt::format(
      "WAL of {} is missing and no server has it any more: it cannot be brought back to a moment after {} until there "
      "is a new backup.",
      cluster.cluster, cluster.recoverable_until ? format_time(*cluster.recoverable_until) : "its last backup");
  judged.alert.action = fmt::format(
      "A backup is started by itself: see with pgrecall status {0} that it ends well, otherwise take one: pgrecall backup {0}.",
      cluster.cluster);
}
}  // namespace

void judge_wal(const ClusterFigures& cluster, Bench& bench) {
  if (!cluster.ours || !cluster.wal.configured) {
    return;
  }
  judge_rpo(cluster, bench);
  judge_reception(cluster, bench);
  judge_refused(cluster, bench);
  if (cluster.wal.slot) {
    judge_slot(cluster, *cluster.wal.slot, bench);
  }
  judge_gap(cluster, bench);
}

void judge_guard(const ClusterFigures& cluster, Bench& bench) {
  if (cluster.state == "held_by_another") {
    Judged& judged = bench.add(condition::cluster_unguarded, Severity::warning, cluster, Bench::Passing::often);
    judged.alert.summary = sentence(fmt::format("This daemon does not work on {}: {}", cluster.cluster, cluster.problem));
    judged.alert.action = "End one of the two where that is not meant so: " + sentence(cluster.hint);
    return;
  }
  const bool opening = cluster.state == "opening" && !cluster.problem.empty();
  if (!opening && cluster.window_problem.empty() && !cluster.wal.store_failing) {
    return;
  }
  const std::string& why = opening ? cluster.problem : cluster.window_problem;
  Judged& judged = bench.add(condition::cluster_unguarded, Severity::critical, cluster, Bench::Passing::often);
  judged.alert.summary =
      opening ? sentence(fmt::format("Nothing is received or backed up of {}, repository {} cannot be worked with: {}",
                                     cluster.cluster, cluster.repository, why))
              : sentence(fmt::format("Repository {} cannot be {}; WAL of {} waits in the spool{}{}", cluster.repository,
                                     cluster.wal.store_failing ? "written to" : "read", cluster.cluster, why.empty() ? "" : ": ",
                                     why));
  judged.alert.action = (cluster.hint.empty() ? "" : "Hint: " + sentence(cluster.hint) + " ") +
                        fmt::format(
                            "Look after the storage of repository {}: its mount, space and permissions; then pgrecall "
                            "check {}.",
                            cluster.repository, cluster.cluster);
}

}  // namespace pgrecall
