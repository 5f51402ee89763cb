#include "alert/conditions.h"

#include <catch2/catch.hpp>
#include <set>

#include "unit/alert/healthy.h"

namespace conditions_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Catch::Matchers::Contains;

namespace {
// Everything that can be wrong at once, so that what all judged share is seen.
ServiceFigures ruin() {
  ServiceFigures service = healthy_service();
  service.reload_good = false;
  service.reload_problem = "pgrecall.yaml:3:1: clusters: is missing";
  service.state_problem = "cannot work with the journal (problem=database or disk is full)";
  service.clock_jumped = noon - 1min;
  service.clock_jump_seconds = -90;
  service.receivers.push_back({.receiver = "oncall",
                               .delivered = 0,
                               .failures = {},
                               .waiting = 1,
                               .last_success = {},
                               .failing_since = noon - 1h,
                               .problem = "connection refused",
                               .given_up = 0,
                               .last_given_up = {}});
  ClusterFigures& cluster = service.clusters.front();
  cluster.newest_backup_started = noon - 48h;
  cluster.damaged_objects = 2;
  cluster.damage = "chunk clusters/shop/packs/ab/cd";
  BackupFigures backup;
  backup.id = "20261121T120000Z-full";
  backup.page_failures = 1;
  cluster.backups = {backup};
  cluster.wal.state = "connecting";
  cluster.wal.problem = "connection refused";
  cluster.wal.durable_time = noon - 1h;
  cluster.wal.gaps = 1;
  cluster.window_broken = true;
  cluster.wal.slot =
      SlotFigures{.asked = noon, .exists = false, .wal_status = {}, .retained_bytes = 0, .limit_bytes = {}, .problem = {}};
  cluster.credentials = {{"password of role backup", noon + 24h}};
  JobFigures daily;
  daily.job = "daily";
  daily.last_result = "failed";
  daily.last_completion = noon - 1h;
  daily.last_run = "20261123T110000Z-shop-daily";
  daily.last_error_message = "no space left on device";
  daily.last_missed = noon - 30min;
  daily.missed_reason = "it could not start in time";
  JobFigures expire;
  expire.job = "expire";
  expire.needs_confirmation = true;
  cluster.jobs = {daily, expire};
  service.repositories.front().free_bytes = 99;
  return service;
}
}  // namespace

TEST_CASE("nothing is wrong with a healthy service", "[alert]") { CHECK(names_of(healthy_service()) == Names{}); }

TEST_CASE("each says what happened, what to do and where to read on", "[alert]") {
  const std::set<std::string_view> known(all_conditions().begin(), all_conditions().end());
  CHECK(known.size() == all_conditions().size());
  const std::vector<Judged> all = judged_in(ruin());
  CHECK(all.size() == 17);
  std::set<std::string> prints;
  for (const Judged& judged : all) {
    const Alert& alert = judged.alert;
    INFO(alert.name + ": " + alert.summary + " | " + alert.action);
    CHECK(known.contains(alert.name));
    CHECK(alert.runbook == "https://wiki/runbooks/" + alert.name + ".md");
    CHECK(alert.summary.ends_with('.'));
    CHECK_FALSE(alert.summary.ends_with(".."));
    CHECK(alert.action.ends_with('.'));
    CHECK(alert.summary.find('\n') == std::string::npos);
    CHECK(alert.summary.find("  ") == std::string::npos);
    CHECK(prints.insert(fingerprint(alert)).second);
  }
}

TEST_CASE("addresses of runbooks", "[alert]") {
  CHECK(runbook_address("https://x/", "PgrecallWalGap") == "https://x/PgrecallWalGap.md");
  CHECK(runbook_address("docs/runbooks", "PgrecallWalGap") == "docs/runbooks/PgrecallWalGap.md");
  CHECK(runbook_address("", "PgrecallWalGap") == "PgrecallWalGap.md");
}

TEST_CASE("what is not known yet is neither right nor wrong", "[alert]") {
  const auto starting = cluster_with([](ClusterFigures& cluster) {
    cluster = ClusterFigures();
    cluster.cluster = "shop";
    cluster.state = "opening";
    cluster.targets = healthy_cluster().targets;
  });
  CHECK(names_of(starting) == Names{});
  CHECK(judge(starting, options).unknown_clusters == std::set<std::string>{"shop"});
  // Later its facts are old, but they hold.
  const auto lost = cluster_with([](ClusterFigures& cluster) { cluster.state = "opening"; });
  CHECK(judge(lost, options).unknown_clusters.empty());
  CHECK(judge(healthy_service(), options).unknown_repositories.empty());
  const auto away = service_with([](ServiceFigures& service) { service.repositories.front().free_bytes.reset(); });
  CHECK(judge(away, options).unknown_repositories == std::set<std::string>{"main"});
}

TEST_CASE("a cluster of another daemon is that daemon's to judge", "[alert]") {
  auto service = ruin();
  service.clusters.front().state = "held_by_another";
  service.clusters.front().ours = false;
  service.clusters.front().problem = "another daemon works on this cluster: host2";
  const Names names = names_of(service);
  CHECK(std::ranges::count(names, "PgrecallClusterUnguarded") == 1);
  CHECK(std::ranges::count(names, "PgrecallBackupTooOld") == 0);
  CHECK(std::ranges::count(names, "PgrecallWalStalled") == 0);
  for (const Judged& judged : judged_in(service)) {
    if (judged.alert.name == condition::cluster_unguarded) {
      CHECK(judged.alert.severity == Severity::warning);
      CHECK(judged.hold == 2min);
    }
  }
}

TEST_CASE("a repository that cannot be worked with leaves its clusters unguarded", "[alert]") {
  const auto opening = cluster_with([](ClusterFigures& cluster) {
    cluster.state = "opening";
    cluster.ours = false;
    cluster.problem = "there is no repository here";
    cluster.hint = "mount it";
  });
  const auto found = judged_in(opening);
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallClusterUnguarded");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK_THAT(found[0].alert.summary, Contains("repository main") && Contains("there is no repository here."));
  CHECK_THAT(found[0].alert.action, Contains("mount it"));
  CHECK(names_of(cluster_with([](ClusterFigures& cluster) { cluster.window_problem = "permission denied"; })) ==
        Names{"PgrecallClusterUnguarded"});
  CHECK(names_of(cluster_with([](ClusterFigures& cluster) { cluster.wal.store_failing = true; })) ==
        Names{"PgrecallClusterUnguarded"});
}

TEST_CASE("a reload that failed", "[alert]") {
  const auto found = judged_in(service_with([](ServiceFigures& service) {
    service.reload_good = false;
    service.reload_problem = "pgrecall.yaml:3:1: clusters: is missing";
  }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallConfigReloadFailed");
  CHECK(found[0].alert.severity == Severity::warning);
  CHECK_THAT(found[0].alert.summary, Contains("pgrecall.yaml:3:1"));
}

TEST_CASE("a configuration that is in force but for metrics and status page", "[alert]") {
  const auto found = judged_in(service_with([](ServiceFigures& service) { service.web_problem = "something else listens"; }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallConfigReloadFailed");
  CHECK_THAT(found[0].alert.summary, Contains("in force, but") && Contains("something else listens"));
}

TEST_CASE("state that cannot be written is critical, if it lasts", "[alert]") {
  const auto found = judged_in(service_with([](ServiceFigures& service) { service.state_problem = "disk full"; }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallStateUnwritable");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK(found[0].hold == 2min);
}

TEST_CASE("a clock that jumped is remembered for an hour", "[alert]") {
  const auto jumped = [](std::chrono::microseconds ago) {
    return service_with([&](ServiceFigures& service) {
      service.clock_jumped = noon - ago;
      service.clock_jump_seconds = -7200;
    });
  };
  CHECK(names_of(jumped(1h)) == Names{"PgrecallClockJump"});
  CHECK(names_of(jumped(1h + 1s)) == Names{});
  CHECK(names_of(jumped(-2h)) == Names{});  // it jumped again since
  CHECK_THAT(judged_in(jumped(1s))[0].alert.summary, Contains("jumped back by 2 h"));
}

TEST_CASE("a receiver is given five minutes", "[alert]") {
  const auto failing = [](std::chrono::microseconds since, bool given_up) {
    return service_with([&](ServiceFigures& service) {
      ReceiverFigures& receiver = service.receivers.emplace_back();
      receiver.receiver = "oncall";
      receiver.failing_since = noon - since;
      receiver.problem = "connection refused";
      receiver.waiting = 3;
      if (given_up) {
        receiver.last_given_up = noon;
      }
    });
  };
  CHECK(names_of(failing(5min - 1s, false)) == Names{});
  CHECK(names_of(failing(1s, true)) == Names{"PgrecallReceiverFailing"});
  const auto found = judged_in(failing(5min, false));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.subject == "oncall");
  CHECK_THAT(found[0].alert.summary, Contains("3 messages wait: connection refused."));
  CHECK_THAT(found[0].alert.action, Contains("pgrecall alert test oncall"));
}

TEST_CASE("a receiver whose address is refused is told of at once", "[alert]") {
  const auto found = judged_in(service_with([](ServiceFigures& service) {
    ReceiverFigures& receiver = service.receivers.emplace_back();
    receiver.receiver = "oncall";
    receiver.failing_since = noon;
    receiver.problem = "the receiver answered 404";
    receiver.barred = true;
  }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallReceiverFailing");
}

TEST_CASE("a heartbeat that nobody takes is told of", "[alert]") {
  const auto failing = [](std::chrono::microseconds since) {
    return service_with([&](ServiceFigures& service) {
      HeartbeatFigures& heartbeat = service.heartbeats.emplace_back();
      heartbeat.heartbeat = "alive";
      heartbeat.failing_since = noon - since;
      heartbeat.problem = "the answer was 404 (host=hc.example.com)";
    });
  };
  CHECK(names_of(failing(5min - 1s)) == Names{});
  const auto found = judged_in(failing(5min));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallReceiverFailing");
  CHECK(found[0].alert.subject == "heartbeat alive");  // no name of a receiver has a blank
  CHECK_THAT(found[0].alert.summary, Contains("the answer was 404"));
}

TEST_CASE("a credential is told of two weeks before its end", "[alert]") {
  const auto ending = [](std::chrono::microseconds in) {
    return cluster_with([&](ClusterFigures& cluster) { cluster.credentials = {{"certificate client.crt", noon + in}}; });
  };
  CHECK(names_of(ending(14 * 24h + 1s)) == Names{});
  CHECK(names_of(ending(14 * 24h)) == Names{"PgrecallCredentialExpiring"});
  CHECK_THAT(judged_in(ending(25h))[0].alert.summary, Contains("ends in 1 d 1 h"));
  CHECK_THAT(judged_in(ending(-1h))[0].alert.summary, Contains("ended at 2026-11-23T11:00:00Z"));
}

TEST_CASE("a repository that fills, or is nearly full", "[alert]") {
  const auto space = [](std::uint64_t free, std::optional<std::chrono::microseconds> full_in) {
    return service_with([&](ServiceFigures& service) {
      service.repositories.front().free_bytes = free;
      if (full_in) {
        service.repositories.front().full_at = noon + *full_in;
      }
    });
  };
  CHECK(names_of(space(100, {})) == Names{});
  CHECK(names_of(space(99, {})) == Names{"PgrecallRepositorySpaceLow"});
  CHECK(names_of(space(99, 1h)) == Names{"PgrecallRepositorySpaceLow"});
  CHECK(names_of(space(500, 96h)) == Names{});
  CHECK(names_of(space(500, 96h - 1s)) == Names{"PgrecallRepositoryFilling"});
  const Alert low = judged_in(space(99, {}))[0].alert;
  CHECK(low.severity == Severity::critical);
  CHECK(low.subject == "main");
  CHECK(low.cluster.empty());
  CHECK_THAT(low.summary, Contains("9.9%"));
  CHECK(judged_in(space(500, 1h))[0].alert.severity == Severity::warning);
  // A store that does not tell its space.
  CHECK(names_of(service_with([](ServiceFigures& service) { service.repositories.front().capacity_bytes = 0; })) == Names{});
}

}  // namespace conditions_test
