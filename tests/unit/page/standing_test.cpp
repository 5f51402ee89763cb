#include "page/standing.h"

#include <catch2/catch.hpp>

#include "unit/page/sample.h"

namespace standing_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
// How the page judges `shop` alone after `change`.
template <typename Change>
ServiceVerdict of_one(const Change& change) {
  Sample sample;
  sample.figures.clusters = {sample_cluster("shop", 24h * 9)};
  change(sample);
  return sample.verdict();
}
template <typename Change>
Standing standing_after(const Change& change) {
  return of_one([&](Sample& sample) { change(sample.cluster(0)); }).clusters.at("shop").standing;
}
}  // namespace

TEST_CASE("all is well only when everything is known to be", "[page]") {
  Sample sample;
  CHECK(sample.verdict().standing == Standing::good);
  CHECK(sample.verdict().headline == "All 3 clusters are recoverable");
  CHECK(sample.verdict().details == std::vector<std::string>{"Worst RPO 2 s. Shortest recovery window 1 d 22 h."});
  CHECK(of_one([](Sample&) {}).headline == "shop is recoverable");
}

TEST_CASE("what is missing or old is never good", "[page]") {
  CHECK(standing_after([](ClusterFigures&) {}) == Standing::good);
  CHECK(standing_after([](ClusterFigures& each) { each.window_computed.reset(); }) == Standing::unknown);
  CHECK(standing_after([](ClusterFigures& each) { each.window_problem = "store down"; }) == Standing::unknown);
  CHECK(standing_after([](ClusterFigures& each) { each.recoverable_until.reset(); }) == Standing::bad);
  CHECK(standing_after([](ClusterFigures& each) { each.recoverable_from.reset(); }) == Standing::bad);
  CHECK(standing_after([](ClusterFigures& each) {
          each.recoverable_from.reset();
          each.jobs[1].running.emplace();
        }) == Standing::warning);
  CHECK(standing_after([](ClusterFigures& each) {
          each.recoverable_from.reset();
          each.jobs[0].running.emplace();  // a check brings no backup
        }) == Standing::bad);
  CHECK(standing_after([](ClusterFigures& each) { each.ours = false; }) == Standing::unknown);
  CHECK(standing_after([](ClusterFigures& each) { each.wal.state = "connecting"; }) == Standing::warning);
  CHECK(standing_after([](ClusterFigures& each) { each.wal.state = ""; }) == Standing::warning);
  CHECK(standing_after([](ClusterFigures& each) { each.wal.updated.reset(); }) == Standing::warning);
  CHECK(standing_after([](ClusterFigures& each) { each.wal.updated = noon - 2min; }) == Standing::warning);
  CHECK(standing_after([](ClusterFigures& each) { each.window_broken = true; }) == Standing::bad);
  CHECK(standing_after([](ClusterFigures& each) { each.damaged_objects = 1; }) == Standing::bad);
  CHECK(standing_after([](ClusterFigures& each) {
          each.wal.durable_time = noon - 6min;
          each.recoverable_until = noon - 6min;
          each.wal.lag_bytes = 1;
        }) == Standing::warning);
  CHECK(of_one([](Sample& sample) { sample.figures.clusters.clear(); }).standing == Standing::unknown);
  CHECK(verdict_of({.figures = nullptr, .alerts = nullptr, .now = noon, .host = {}}).standing == Standing::unknown);
}

TEST_CASE("figures that nobody renews say nothing, and say that", "[page]") {
  Sample sample;
  sample.now = sample.figures.taken + 60s;
  CHECK(sample.verdict().standing == Standing::good);
  sample.now = sample.figures.taken + 61s;
  sample.cluster(0).window_broken = true;
  CHECK(sample.verdict().standing == Standing::unknown);
  CHECK(sample.verdict().headline == "How things stand is not known");
  CHECK(sample.verdict().details.front().starts_with("What is shown here held 1 min ago."));
  for (const auto& [cluster, found] : sample.verdict().clusters) {
    CHECK(found.standing == Standing::unknown);
  }
}

TEST_CASE("without a judgement of alerts nothing is good", "[page]") {
  Sample sample;
  PageView view = sample.view();
  view.alerts = nullptr;
  CHECK(verdict_of(view).standing == Standing::unknown);
}

TEST_CASE("open alerts decide, the worst first", "[page]") {
  Sample sample;
  sample.alerts = {alert_of("PgrecallRunFailed", Severity::warning, "shop")};
  CHECK(sample.verdict().headline == "1 of 3 clusters needs a look");
  CHECK(sample.verdict().standing == Standing::warning);
  sample.alerts.push_back(alert_of("PgrecallWalStalled", Severity::critical, "crm"));
  CHECK(sample.verdict().headline == "1 of 3 clusters needs you");
  CHECK(sample.verdict().details == std::vector<std::string>{"WAL of crm is not received: connection refused."});
  CHECK(sample.verdict().clusters.at("shop").standing == Standing::warning);
  CHECK(sample.verdict().clusters.at("billing").standing == Standing::good);
  sample.alerts.push_back(alert_of("PgrecallWalStalled", Severity::critical, "billing"));
  CHECK(sample.verdict().headline == "2 of 3 clusters need you");
}

TEST_CASE("alerts that have only begun, or are over, decide nothing", "[page]") {
  Sample sample;
  sample.alerts = {alert_of("PgrecallWalStalled", Severity::critical, "crm")};
  sample.alerts[0].state = AlertState::pending;
  CHECK(sample.verdict().standing == Standing::good);
  sample.alerts[0].state = AlertState::resolved;
  CHECK(sample.verdict().standing == Standing::good);
  sample.alerts[0].state = AlertState::settling;
  CHECK(sample.verdict().standing == Standing::bad);
}

TEST_CASE("alerts of no cluster are the daemon's", "[page]") {
  Sample sample;
  sample.alerts = {alert_of("PgrecallRepositorySpaceLow", Severity::critical, "")};
  CHECK(sample.verdict().headline == "The daemon needs you");
  sample.alerts[0].alert.severity = Severity::warning;
  CHECK(sample.verdict().headline == "The daemon needs a look");
  sample.cluster(0).damaged_objects = 1;
  CHECK(sample.verdict().headline == "1 of 3 clusters needs you");
  CHECK(sample.verdict().details.size() == 2);
}

TEST_CASE("what another daemon looks after is neither good nor bad here", "[page]") {
  Sample sample;
  sample.cluster(0).state = "held_by_another";
  sample.cluster(0).ours = false;
  sample.alerts = {alert_of("PgrecallClusterUnguarded", Severity::warning, "billing")};
  CHECK(sample.verdict().standing == Standing::good);
  CHECK(sample.verdict().headline == "2 clusters are recoverable, 1 looked after elsewhere");
  for (ClusterFigures& cluster : sample.figures.clusters) {
    cluster.state = "held_by_another";
  }
  CHECK(sample.verdict().standing == Standing::elsewhere);
  CHECK(sample.verdict().headline == "All 3 clusters are looked after by another daemon");
}

TEST_CASE("the exposure counts from the later of what is stored and what is spooled", "[page]") {
  Sample sample;
  ClusterFigures& shop = sample.cluster(2);
  shop.recoverable_until = sample.figures.taken - 90s;
  shop.wal.durable_time = sample.figures.taken - 3s;
  CHECK(rpo_seconds(shop, sample.figures) == 3);
  shop.wal.durable_time.reset();
  CHECK(rpo_seconds(shop, sample.figures) == 90);
  shop.recoverable_from.reset();  // WAL alone brings nothing back
  CHECK_FALSE(rpo_seconds(shop, sample.figures).has_value());
}

}  // namespace standing_test
