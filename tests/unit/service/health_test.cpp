#include <catch2/catch.hpp>

#include "service/deliveries.h"

namespace health_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
const Time now = *parse_time("2026-11-23T12:00:00Z");

ServiceFigures well() {
  ServiceFigures figures;
  figures.state = "running";
  ClusterFigures cluster;
  cluster.cluster = "shop";
  cluster.state = "active";
  cluster.newest_backup_started = now - 10h;
  cluster.targets.backup_max_age_seconds = 26 * 3600;
  figures.clusters = {cluster};
  return figures;
}
bool good(const ServiceFigures& figures, const std::set<std::string>& critical = {}) {
  return health_of(figures, critical, now).good.at("shop");
}
}  // namespace

TEST_CASE("a cluster that is looked after, has a backup and nothing critical is well") {
  CHECK(good(well()));
  CHECK(health_of(well(), {}, now).at == now);
  CHECK(good(well(), {"other"}));
}

TEST_CASE("a cluster is not well for each of what may be wrong") {
  CHECK_FALSE(good(well(), {"shop"}));
  CHECK_FALSE(good(well(), {""}));
  ServiceFigures figures = well();
  figures.state = "draining";
  CHECK_FALSE(good(figures));
  figures = well();
  figures.state_problem = "disk full";
  CHECK_FALSE(good(figures));
  figures = well();
  figures.clusters[0].state = "opening";
  CHECK_FALSE(good(figures));
  figures = well();
  figures.clusters[0].newest_backup_started.reset();
  CHECK_FALSE(good(figures));
  figures = well();
  figures.clusters[0].newest_backup_started = now - 27h;
  CHECK_FALSE(good(figures));
  figures = well();
  figures.clusters[0].window_problem = "the repository cannot be read";
  CHECK_FALSE(good(figures));
}

TEST_CASE("of a cluster that another daemon works on, that one tells") {
  ServiceFigures figures = well();
  figures.clusters[0].state = "held_by_another";
  figures.clusters[0].newest_backup_started.reset();
  CHECK(good(figures));
}

}  // namespace health_test
