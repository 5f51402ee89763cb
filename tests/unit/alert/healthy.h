#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "alert/conditions.h"

// A service with which nothing is wrong, to be made worse by a test one thing at a time.

namespace pgrecall::test {

using namespace std::chrono_literals;

inline const Time noon = parse_time("2026-11-23T12:00:00Z").value();

inline ClusterFigures healthy_cluster() {
  ClusterFigures cluster;
  cluster.cluster = "shop";
  cluster.repository = "main";
  cluster.state = "active";
  cluster.ours = true;
  cluster.guarded_since = noon - 24h;
  cluster.targets = {.window_seconds = 7 * 86400.0,
                     .rpo_seconds = 300,
                     .backup_max_age_seconds = 26 * 3600.0,
                     .wal_interruption_seconds = 300,
                     .slot_retained_bytes = std::uint64_t{10} << 30U};
  cluster.window_computed = noon - 30s;
  cluster.recoverable_from = noon - 8 * 24h;
  cluster.recoverable_until = noon - 5s;
  cluster.first_backup_started = noon - 9 * 24h;
  cluster.newest_backup_started = noon - 10h;
  cluster.wal.state = "streaming";
  cluster.wal.durable_time = noon - 1s;
  cluster.wal.updated = noon - 1s;
  return cluster;
}

inline ServiceFigures healthy_service() {
  ServiceFigures service;
  service.taken = noon;
  service.started = noon - 24h;
  service.clusters.push_back(healthy_cluster());
  RepositoryFigures repository;
  repository.repository = "main";
  repository.capacity_bytes = 1000;
  repository.free_bytes = 500;
  service.repositories.push_back(repository);
  return service;
}

// The service with one thing changed.
template <typename Change>
ServiceFigures service_with(const Change& change) {
  ServiceFigures service = healthy_service();
  change(service);
  return service;
}
template <typename Change>
ServiceFigures cluster_with(const Change& change) {
  ServiceFigures service = healthy_service();
  change(service.clusters.front());
  return service;
}

inline const JudgeOptions options{.runbook_url = "https://wiki/runbooks", .hold = 2min, .settle = 5min, .remember = 1h};

inline std::vector<Judged> judged_in(const ServiceFigures& service) { return judge(service, options).conditions; }

inline std::vector<std::string> names_of(const ServiceFigures& service) {
  std::vector<std::string> names;
  for (const Judged& judged : judged_in(service)) {
    names.push_back(judged.alert.name);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace pgrecall::test
