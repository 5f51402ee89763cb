#include <cmath>

#include "alert/bench.h"

namespace pgrecall {

namespace {
constexpr double soon_full_seconds = 4 * 86400.0;
constexpr double least_free = 0.1;
constexpr double soon_expired_seconds = 14 * 86400.0;
constexpr double receiver_patience_seconds = 300;

void judge_clock(Bench& bench) {
  const ServiceFigures& figures = bench.figures();
  const auto remembered = std::chrono::duration<double>(bench.options().remember).count();
  if (!figures.clock_jumped || std::abs(bench.seconds_since(*figures.clock_jumped)) > remembered) {
    return;
  }
  Judged& judged = bench.add(condition::clock_jump, Severity::warning);
  judged.alert.summary =
      fmt::format("The clock of this host jumped {} by {}, to {}.", figures.clock_jump_seconds < 0 ? "back" : "ahead",
                  span_text(std::abs(figures.clock_jump_seconds)), format_time(*figures.clock_jumped));
  judged.alert.action = "Look after the host's time synchronization (timedatectl), and with pgrecall schedule at what runs next.";
}

void judge_reload(Bench& bench) {
  const ServiceFigures& figures = bench.figures();
  if (figures.reload_good && figures.web_problem.empty()) {
    return;
  }
  Judged& judged = bench.add(condition::config_reload_failed, Severity::warning);
  if (figures.reload_good) {
    judged.alert.summary =
        sentence("The configuration is in force, but metrics and status page are not as it says: " + figures.web_problem);
    judged.alert.action = "Mend what is named; it is tried again every few seconds. WAL and backups do not depend on it.";
    return;
  }
  judged.alert.summary =
      sentence("The changed configuration is invalid, the one before it stays in force: " + figures.reload_problem);
  judged.alert.action = "Run pgrecall config check, correct what it names, then systemctl reload pgrecall.";
}

void judge_state(Bench& bench) {
  const std::string& problem = bench.figures().state_problem;
  if (problem.empty()) {
    return;
  }
  Judged& judged = bench.add(condition::state_unwritable, Severity::critical, Bench::Passing::often);
  judged.alert.summary = sentence("The daemon cannot write its own state, what changes is kept in memory alone: " + problem);
  judged.alert.action =
      "Look after the disk of daemon.state: its space, its mount, its owner. Restart nothing before: what is in memory would be "
      "lost.";
}

void judge_receiver(const ReceiverFigures& receiver, Bench& bench) {
  const bool long_enough = receiver.failing_since && bench.seconds_since(*receiver.failing_since) >= receiver_patience_seconds;
  if (!receiver.failing_since || !(long_enough || receiver.last_given_up || receiver.barred)) {
    return;
  }
  Judged& judged = bench.add(condition::receiver_failing, Severity::warning);
  judged.settle = bench.options().settle;
  judged.alert.subject = receiver.receiver;
  judged.alert.summary =
      sentence(fmt::format("Receiver {} could not be told of alerts since {}, {} message{} wait{}: {}", receiver.receiver,
                           format_time(*receiver.failing_since), receiver.waiting, receiver.waiting == 1 ? "" : "s",
                           receiver.waiting == 1 ? "s" : "", receiver.problem));
  judged.alert.action = fmt::format("Try it with pgrecall alert test {}, which shows its answer.", receiver.receiver);
}

// Whoever watches it may never have heard of it, and then does not miss it.
void judge_heartbeat(const HeartbeatFigures& heartbeat, Bench& bench) {
  if (!heartbeat.failing_since || bench.seconds_since(*heartbeat.failing_since) < receiver_patience_seconds) {
    return;
  }
  Judged& judged = bench.add(condition::receiver_failing, Severity::warning);
  judged.settle = bench.options().settle;
  judged.alert.subject = "heartbeat " + heartbeat.heartbeat;
  judged.alert.summary = sentence(fmt::format("Heartbeat {} has not reached its address since {}: {}", heartbeat.heartbeat,
                                              format_time(*heartbeat.failing_since), heartbeat.problem));
  judged.alert.action =
      fmt::format("Look at the address in alerts.heartbeats.{}, and whether this host reaches it.", heartbeat.heartbeat);
}

void judge_credential(const ClusterFigures& cluster, const CredentialFigures& credential, Bench& bench) {
  const double left = -bench.seconds_since(credential.expires);
  if (left > soon_expired_seconds) {
    return;
  }
  Judged& judged = bench.add(condition::credential_expiring, Severity::warning, cluster);
  judged.alert.subject = credential.credential;
  judged.alert.summary = left > 0 ? fmt::format("The {} for {} ends in {}, at {}.", credential.credential, cluster.cluster,
                                                span_text(left), format_time(credential.expires))
                                  : fmt::format("The {} for {} ended at {}.", credential.credential, cluster.cluster,
                                                format_time(credential.expires));
  judged.alert.action = "Renew it; what it lets in, WAL and backups, ends with it.";
}
}  // namespace

void judge_daemon(Bench& bench) {
  judge_clock(bench);
  judge_reload(bench);
  judge_state(bench);
  for (const ReceiverFigures& receiver : bench.figures().receivers) {
    judge_receiver(receiver, bench);
  }
  for (const HeartbeatFigures& heartbeat : bench.figures().heartbeats) {
    judge_heartbeat(heartbeat, bench);
  }
  for (const ClusterFigures& cluster : bench.figures().clusters) {
    for (const CredentialFigures& credential : cluster.credentials) {
      judge_credential(cluster, credential, bench);
    }
  }
}

void judge_repository(const RepositoryFigures& repository, Bench& bench) {
  if (!repository.free_bytes || !repository.capacity_bytes || *repository.capacity_bytes == 0) {
    return;
  }
  const double free = static_cast<double>(*repository.free_bytes) / static_cast<double>(*repository.capacity_bytes);
  const std::string make_room =
      "Give it more room, or keep less (clusters.NAME.retention; pgrecall expire CLUSTER --dry-run shows what would go). Remove "
      "no files by hand.";
  if (free < least_free) {
    Judged& judged = bench.add(condition::repository_space_low, Severity::critical);
    judged.settle = bench.options().settle;
    judged.alert.subject = repository.repository;
    judged.alert.summary = fmt::format(
        "Repository {} has {} of {} free ({:.1f}%); when that is used up, neither WAL nor backups can be stored.",
        repository.repository, format_size(*repository.free_bytes), format_size(*repository.capacity_bytes), 100 * free);
    judged.alert.action = make_room;
    return;  // that it fills says nothing new
  }
  if (repository.full_at && -bench.seconds_since(*repository.full_at) < soon_full_seconds) {
    Judged& judged = bench.add(condition::repository_filling, Severity::warning);
    judged.settle = bench.options().settle;
    judged.alert.subject = repository.repository;
    judged.alert.summary =
        fmt::format("Repository {} is full in {}, at {}, if it grows on as it does; {} of {} are free.", repository.repository,
                    span_text(-bench.seconds_since(*repository.full_at)), format_time(*repository.full_at),
                    format_size(*repository.free_bytes), format_size(*repository.capacity_bytes));
    judged.alert.action = make_room;
  }
}

}  // namespace pgrecall
