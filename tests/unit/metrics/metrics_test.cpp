#include "metrics/metrics.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>

namespace metrics_test {

using namespace pgrecall;

namespace {
const Time noon = parse_time("2026-11-23T12:00:00Z").value();  // 1795435200

JobFigures daily() {
  JobFigures job;
  job.job = "daily";
  job.runs = {{"done", 3}, {"failed", 1}};
  job.failures = {{"store_unreachable", 1}};
  job.last_success = noon - std::chrono::hours(2);
  job.last_completion = noon - std::chrono::hours(1);
  job.last_duration_seconds = 12.5;
  job.last_stage_seconds = {{"copying", 9.25}};
  job.missed = 2;
  job.next = noon + std::chrono::hours(14);
  job.running = JobFigures::Running{
      .run = "r", .started = noon, .phase = "copying", .done_bytes = 5, .expected_bytes = 10, .progress = noon};
  return job;
}

ClusterFigures shop() {
  ClusterFigures cluster;
  cluster.cluster = "shop";
  cluster.repository = "main";
  cluster.ours = true;
  cluster.targets = {.window_seconds = 604800,
                     .rpo_seconds = 300,
                     .backup_max_age_seconds = 93600,
                     .wal_interruption_seconds = 300,
                     .slot_retained_bytes = 1000,
                     .drill_max_age_seconds = 1296000};
  cluster.window_computed = noon;
  cluster.recoverable_from = noon - std::chrono::hours(24);
  cluster.recoverable_until = noon;
  cluster.first_backup_started = noon - std::chrono::hours(48);
  cluster.backups = {{"a", "daily", noon - std::chrono::hours(48), noon, 100, 50, 0, false},
                     {"b", "weekly", noon - std::chrono::hours(24), noon, 110, 55, 0, false},
                     {"c", "daily", noon - std::chrono::hours(2), noon, 120, 60, 7, false}};
  cluster.backups_by_keep = {{"daily", 2}, {"weekly", 1}};
  cluster.damaged_objects = 4;
  cluster.drill = {.proven_until = noon,
                   .last_success = noon,
                   .last_completion = noon,
                   .last_problem = {},
                   .last_restore_seconds = 12.5,
                   .last_replay_seconds = 30,
                   .recovery_seconds = 60};
  cluster.jobs = {daily()};
  cluster.jobs.emplace_back().job = "expire";
  cluster.credentials = {{"password of role x", noon}};
  cluster.wal.state = "streaming";
  cluster.wal.durable_time = noon;
  cluster.wal.received_bytes = 1000;
  cluster.wal.slot = SlotFigures{
      .asked = noon, .exists = true, .wal_status = "reserved", .retained_bytes = 20, .limit_bytes = 40, .problem = {}};
  cluster.wal.acknowledge_seconds = {{0.01, 0.1}, {5, 2, 1}, 0.75};
  return cluster;
}

// One of everything, so that every metric has a sample.
ServiceFigures whole_service() {
  ServiceFigures figures;
  figures.taken = noon;
  figures.started = noon - std::chrono::hours(1);
  figures.version = "1.2.3";
  figures.reload_success = noon;
  figures.clock_jumped = noon;
  figures.journal_rebuilt = noon;
  figures.clusters = {shop()};
  RepositoryFigures repository;
  repository.repository = "main";
  repository.stored_bytes = 1;
  repository.free_bytes = 2;
  repository.capacity_bytes = 3;
  repository.full_at = noon;
  repository.requests = {{{"put", "ok"}, 4}, {{"put", "store_unreachable"}, 1}};
  repository.request_seconds = {{"put", {{1}, {4, 1}, 3}}};
  figures.repositories = {repository};
  figures.receivers = {{.receiver = "oncall",
                        .delivered = 2,
                        .failures = {{"timeout", 1}},
                        .waiting = 1,
                        .last_success = {},
                        .failing_since = {},
                        .problem = {},
                        .given_up = 0,
                        .last_given_up = {}}};
  figures.heartbeats = {{.heartbeat = "health", .last_success = noon, .failures = 0, .failing_since = {}, .problem = {}}};
  figures.alerts_open = {{"warning", 1}, {"critical", 0}};
  return figures;
}

bool has_line(const std::string& text, const std::string& line) {
  return text.starts_with(line + "\n") || text.find("\n" + line + "\n") != std::string::npos;
}

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += (text.empty() ? "" : ", ") + label;
  }
  return text;
}
}  // namespace

TEST_CASE("what is known is told in base units, with times as seconds since 1970") {
  const std::string text = metrics_text(whole_service());
  CHECK(has_line(text, "pgrecall_build_info{version=\"1.2.3\"} 1"));
  CHECK(has_line(text, "pgrecall_cluster_up{cluster=\"shop\"} 1"));
  CHECK(has_line(text, "pgrecall_recoverable_until_timestamp_seconds{cluster=\"shop\"} 1795435200"));
  CHECK(has_line(text, "pgrecall_runs_total{cluster=\"shop\",job=\"daily\",result=\"done\"} 3"));
  CHECK(has_line(text, "pgrecall_stage_last_duration_seconds{cluster=\"shop\",job=\"daily\",stage=\"copying\"} 9.25"));
  CHECK(has_line(text, "pgrecall_backups{cluster=\"shop\",kind=\"daily\"} 2"));
  CHECK(has_line(text, "pgrecall_store_requests_total{repository=\"main\",operation=\"put\",code=\"store_unreachable\"} 1"));
  CHECK(has_line(text, "# TYPE pgrecall_runs_total counter"));
}

TEST_CASE("of backups the newest of each kind is told, and the pages of the newest of all") {
  const std::string text = metrics_text(whole_service());
  CHECK(has_line(text, "pgrecall_backup_last_logical_bytes{cluster=\"shop\",kind=\"daily\"} 120"));
  CHECK(has_line(text, "pgrecall_backup_last_stored_bytes{cluster=\"shop\",kind=\"weekly\"} 55"));
  CHECK(has_line(text, "pgrecall_page_checksum_errors{cluster=\"shop\"} 7"));
}

TEST_CASE("companions that the newest backup is without are counted, and a Vault key that is expected") {
  ServiceFigures figures = whole_service();
  CHECK(has_line(metrics_text(figures), "pgrecall_backup_companions_missing{cluster=\"shop\"} 0"));
  ClusterFigures& cluster = figures.clusters.front();
  cluster.backups.front().companions = {{"old", 0, 0, "not permitted"}};
  cluster.backups.back().companions = {{"env", 0, 0, "not permitted"}, {"functions", 3, 99, ""}};
  CHECK(has_line(metrics_text(figures), "pgrecall_backup_companions_missing{cluster=\"shop\"} 1"));
  cluster.vault_key_expected = true;
  CHECK(has_line(metrics_text(figures), "pgrecall_backup_companions_missing{cluster=\"shop\"} 2"));
  cluster.backups.back().vault_key = true;
  CHECK(has_line(metrics_text(figures), "pgrecall_backup_companions_missing{cluster=\"shop\"} 1"));
}

TEST_CASE("what may be counted is counted from zero on") {
  const std::string text = metrics_text(whole_service());
  CHECK(has_line(text, "pgrecall_runs_total{cluster=\"shop\",job=\"daily\",result=\"interrupted\"} 0"));
  CHECK(has_line(text, "pgrecall_run_failures_total{cluster=\"shop\",job=\"daily\",reason=\"wrong_key\"} 0"));
  CHECK(has_line(text, "pgrecall_backups{cluster=\"shop\",kind=\"monthly\"} 0"));
}

TEST_CASE("the buckets of a histogram add up") {
  const std::string text = metrics_text(whole_service());
  CHECK(has_line(text, "pgrecall_wal_commit_acknowledge_seconds_bucket{cluster=\"shop\",le=\"0.01\"} 5"));
  CHECK(has_line(text, "pgrecall_wal_commit_acknowledge_seconds_bucket{cluster=\"shop\",le=\"0.1\"} 7"));
  CHECK(has_line(text, "pgrecall_wal_commit_acknowledge_seconds_bucket{cluster=\"shop\",le=\"+Inf\"} 8"));
  CHECK(has_line(text, "pgrecall_wal_commit_acknowledge_seconds_count{cluster=\"shop\"} 8"));
  CHECK(has_line(text, "pgrecall_wal_commit_acknowledge_seconds_sum{cluster=\"shop\"} 0.75"));
}

TEST_CASE("what is not known has no series, and nothing outlives its cluster") {
  FiguresBoard board;
  CHECK(metrics_text(board).empty());
  auto figures = std::make_shared<ServiceFigures>(whole_service());
  board.publish(figures);
  CHECK(metrics_text(board).find("cluster=\"shop\"") != std::string::npos);
  figures = std::make_shared<ServiceFigures>(whole_service());
  figures->clusters.clear();
  board.publish(figures);
  CHECK(metrics_text(board).find("shop") == std::string::npos);

  ServiceFigures unknown = whole_service();
  unknown.clusters.front().ours = false;
  unknown.clusters.front().window_computed.reset();
  unknown.clusters.front().recoverable_until.reset();
  const std::string text = metrics_text(unknown);
  CHECK(has_line(text, "pgrecall_cluster_up{cluster=\"shop\"} 0"));
  CHECK(text.find("pgrecall_wal_lag_seconds") == std::string::npos);
  CHECK(text.find("pgrecall_window_broken") == std::string::npos);
  CHECK(text.find("pgrecall_recoverable_until") == std::string::npos);
}

TEST_CASE("a slot is lost when the server cut it off or has none, not while nobody could ask") {
  const auto slot_line = [](const SlotFigures& slot) {
    ServiceFigures figures = whole_service();
    figures.clusters.front().wal.slot = slot;
    const std::string text = metrics_text(figures);
    const std::string name = "\npgrecall_wal_slot_lost{cluster=\"shop\"} ";
    const std::size_t at = text.find(name);
    return at == std::string::npos ? std::string("none") : text.substr(at + name.size(), 1);
  };
  SlotFigures slot{
      .asked = noon, .exists = true, .wal_status = "unreserved", .retained_bytes = 1, .limit_bytes = {}, .problem = {}};
  CHECK(slot_line(slot) == "0");
  slot.wal_status = "lost";
  CHECK(slot_line(slot) == "1");
  slot.exists = false;
  CHECK(slot_line(slot) == "1");
  slot.problem = "no route to host";
  CHECK(slot_line(slot) == "none");
}

TEST_CASE("every metric is told of a service that has everything") {
  const std::string text = metrics_text(whole_service());
  for (const MetricInfo& metric : all_metrics()) {
    INFO(metric.name);
    CHECK(text.find("# HELP " + metric.name + " " + metric.help + "\n") != std::string::npos);
  }
}

// docs/metrics.md has a line "| `name` | type | labels | help |" for each.
TEST_CASE("docs/metrics.md lists every metric as it is, and no other") {
  std::ifstream file(std::string(PGRECALL_TEST_DATA) + "/../../../docs/metrics.md");
  REQUIRE(file);
  std::set<std::string> listed;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `pgrecall_")) {
      listed.insert(line);
    }
  }
  std::set<std::string> expected;
  for (const MetricInfo& metric : all_metrics()) {
    expected.insert("| `" + metric.name + "` | " + metric.type + " | " + joined(metric.labels) + " | " + metric.help + " |");
  }
  for (const std::string& line : expected) {
    INFO(line);
    CHECK(listed.contains(line));
  }
  for (const std::string& line : listed) {
    INFO(line);
    CHECK(expected.contains(line));
  }
}

// tests/bench/metrics-scrape runs this: 20 clusters with 400 backups each, as many scrapes as METRICS_SCRAPES says; a line with
// the milliseconds of the fastest, the median and the slowest, those of CPU on average, and the bytes of one.

TEST_CASE("how long a scrape takes", "[.bench]") {
  FiguresBoard board;
  auto figures = std::make_shared<ServiceFigures>(whole_service());
  figures->clusters.clear();
  for (int number = 0; number < 20; ++number) {
    ClusterFigures cluster = shop();
    cluster.cluster = "cluster-" + std::to_string(number);
    cluster.backups.assign(400, cluster.backups.front());
    for (const char* job : {"backup", "weekly", "monthly", "verify", "check"}) {
      cluster.jobs.push_back(daily());
      cluster.jobs.back().job = job;
    }
    figures->clusters.push_back(std::move(cluster));
  }
  board.publish(std::move(figures));
  const char* scrapes = std::getenv("METRICS_SCRAPES");
  REQUIRE(scrapes != nullptr);
  std::vector<double> milliseconds(std::stoul(scrapes));
  std::size_t size = 0;
  const std::clock_t began_cpu = std::clock();
  for (double& taken : milliseconds) {
    const auto began = std::chrono::steady_clock::now();
    size = metrics_text(board).size();
    taken = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  }
  const double cpu = 1000.0 * static_cast<double>(std::clock() - began_cpu) / CLOCKS_PER_SEC;
  std::sort(milliseconds.begin(), milliseconds.end());
  std::cout << "scrape " << milliseconds.front() << " " << milliseconds[milliseconds.size() / 2] << " " << milliseconds.back()
            << " " << cpu / static_cast<double>(milliseconds.size()) << " " << size << "\n";
}

// For promtool: what it reads is written where METRICS_TEXT says.
TEST_CASE("the text of all metrics, written", "[.write]") {
  const char* path = std::getenv("METRICS_TEXT");
  REQUIRE(path != nullptr);
  std::ofstream(path) << metrics_text(whole_service());
}

}  // namespace metrics_test
