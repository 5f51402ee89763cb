#pragma once

#include <string>
#include <vector>

#include "page/page.h"

// A service of three clusters of different age, as a backup host may have it; tests make it worse one thing at a time.

namespace pgrecall::test {

using namespace std::chrono_literals;

inline const Time noon = parse_time("2026-11-23T12:00:00Z").value();

inline BackupFigures backup_of(const std::string& keep, Time started) {
  return {.id = format_compact_time(started) + "-full",
          .keep = keep,
          .started = started,
          .finished = started + 4min,
          .logical_bytes = 4'710'000'000,
          .stored_bytes = 131'000'000,
          .page_failures = 0,
          .damaged = false};
}

inline JobFigures job_of(const std::string& name, Time completed, Time next) {
  JobFigures job;
  job.job = name;
  job.last_success = completed;
  job.last_completion = completed;
  job.last_duration_seconds = 244;
  job.last_run = format_compact_time(completed) + "-shop-" + name;
  job.last_result = "done";
  job.next = next;
  return job;
}

// Healthy, with backups of `age`.
inline ClusterFigures sample_cluster(const std::string& name, std::chrono::hours age) {
  ClusterFigures cluster;
  cluster.cluster = name;
  cluster.timezone = "Europe/Berlin";
  cluster.repository = "main";
  cluster.state = "active";
  cluster.ours = true;
  cluster.guarded_since = noon - age;
  cluster.targets.window_seconds = 7 * 86400.0;
  cluster.targets.rpo_seconds = 300;
  cluster.targets.backup_max_age_seconds = 26 * 3600.0;
  cluster.window_computed = noon - 20s;
  for (auto ago = age; ago > 0h; ago -= 24h) {
    const Time started = noon - ago + 13h + 30min;
    if (started < noon) {
      const bool sunday = std::chrono::weekday(std::chrono::floor<std::chrono::days>(started)) == std::chrono::Sunday;
      cluster.backups.push_back(backup_of(sunday ? "weekly" : "daily", started));
    }
  }
  if (!cluster.backups.empty()) {
    cluster.first_backup_started = cluster.backups.front().started;
    cluster.newest_backup_started = cluster.backups.back().started;
    cluster.recoverable_from = cluster.backups.front().finished;
    cluster.recoverable_until = noon - 4s;
    cluster.spans = {{*cluster.recoverable_from, *cluster.recoverable_until}};
  }
  cluster.wal.state = "streaming";
  cluster.wal.durable_time = noon - 4s;
  cluster.wal.updated = noon - 1s;
  cluster.jobs = {job_of("check", noon - 15min, noon + 45min), job_of("daily", noon - 10h, noon + 13h + 30min),
                  job_of("expire", noon - 5h, noon + 19h), job_of("verify", noon - 54h, noon + 114h),
                  job_of("weekly", noon - 34h, noon + 134h)};
  return cluster;
}

inline ServiceFigures sample_service() {
  ServiceFigures service;
  service.taken = noon - 2s;
  service.started = noon - 300h;
  service.version = "0.1.0";
  service.state = "running";
  service.clusters = {sample_cluster("billing", 60h), sample_cluster("crm", 24h * 9), sample_cluster("shop", 24h * 40)};
  RepositoryFigures repository;
  repository.repository = "main";
  repository.capacity_bytes = 2'000'000'000'000;
  repository.free_bytes = 830'000'000'000;
  repository.stored_bytes = 1'020'000'000'000;
  repository.growth_bytes_per_second = 140'000;
  repository.full_at = noon + 24h * 68;
  service.repositories = {repository};
  ReceiverFigures receiver;
  receiver.receiver = "oncall";
  receiver.delivered = 12;
  receiver.last_success = noon - 72h;
  service.receivers = {receiver};
  return service;
}

inline AlertEntry alert_of(const std::string& name, Severity severity, const std::string& cluster) {
  AlertEntry entry;
  entry.alert = {.name = name,
                 .severity = severity,
                 .cluster = cluster,
                 .subject = {},
                 .summary = "WAL of " + cluster + " is not received: connection refused.",
                 .action = "Hint: is the server up? See with pgrecall status " + cluster + " and pgrecall check " + cluster +
                           " whether server, network and role are as they should.",
                 .runbook = "https://example.com/runbooks/" + name + ".md",
                 .run = {}};
  entry.fingerprint = "0123456789abcdef";
  entry.state = AlertState::firing;
  entry.since = noon - 12min;
  entry.told = noon - 12min;
  entry.times_told = 1;
  return entry;
}

// What a page is made of, owned here.
struct Sample {
  ServiceFigures figures = sample_service();
  std::vector<AlertEntry> alerts;
  Time now = noon;
  [[nodiscard]] PageView view() const { return {.figures = &figures, .alerts = &alerts, .now = now, .host = "backup1"}; }
  [[nodiscard]] std::string page() const { return status_page(view()); }
  [[nodiscard]] ServiceVerdict verdict() const { return verdict_of(view()); }
  ClusterFigures& cluster(std::size_t index) { return figures.clusters.at(index); }
};

}  // namespace pgrecall::test
