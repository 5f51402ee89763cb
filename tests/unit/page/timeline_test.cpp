#include "page/timeline.h"

#include <catch2/catch.hpp>
#include <regex>

#include "unit/page/sample.h"

namespace timeline_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
struct Bar {
  double left = 0;   // percent
  double width = 0;  // percent
};

std::string drawn(const ClusterFigures& cluster) {
  return timeline_svg(cluster, Moments("Europe/Berlin", noon), Freshness::fresh).text;
}

std::vector<Bar> bars(const std::string& svg, const std::string& kind) {
  const std::regex pattern("<rect class=\"" + kind + "\" x=\"([0-9.]+)%\" y=\"[0-9]+\" width=\"([0-9.]+)%\"");
  std::vector<Bar> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    found.push_back({std::stod((*at)[1]), std::stod((*at)[2])});
  }
  return found;
}

std::size_t count(const std::string& svg, const std::string& pattern) {
  const std::regex expression(pattern);
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator(svg.begin(), svg.end(), expression), std::sregex_iterator()));
}

// Promised: 7 days; backups and WAL of 10 days.
ClusterFigures ten_days() {
  ClusterFigures cluster = sample_cluster("shop", 240h);
  cluster.recoverable_from = noon - 240h;
  cluster.recoverable_until = noon;
  cluster.spans = {{noon - 240h, noon}};
  return cluster;
}
}  // namespace

TEST_CASE("a window that holds what is promised fills the promise", "[page]") {
  const std::string svg = drawn(ten_days());
  REQUIRE(bars(svg, "real").size() == 1);
  REQUIRE(bars(svg, "promised").size() == 1);
  const Bar real = bars(svg, "real")[0];
  const Bar promised = bars(svg, "promised")[0];
  CHECK(real.left + real.width == Approx(100).margin(0.02));
  CHECK(promised.left + promised.width == Approx(100).margin(0.02));
  CHECK(real.left < promised.left);
  CHECK(promised.width == Approx(real.width * 7 / 10).margin(0.1));
  CHECK(bars(svg, "missing").empty());
}

TEST_CASE("a young window is shorter than its promise", "[page]") {
  ClusterFigures cluster = ten_days();
  cluster.spans = {{noon - 84h, noon}};
  cluster.recoverable_from = noon - 84h;
  const std::string svg = drawn(cluster);
  CHECK(bars(svg, "real")[0].width == Approx(bars(svg, "promised")[0].width / 2).margin(0.02));
}

TEST_CASE("a gap is drawn where it is, with its times", "[page]") {
  ClusterFigures cluster = ten_days();
  cluster.spans = {{noon - 240h, noon - 72h}, {noon - 48h, noon}};
  cluster.recoverable_from = noon - 48h;
  const std::string svg = drawn(cluster);
  REQUIRE(bars(svg, "missing").size() == 1);
  CHECK(bars(svg, "real").size() == 2);
  const Bar gap = bars(svg, "missing")[0];
  CHECK(gap.left + gap.width == Approx(100 - gap.width * 2).margin(0.1));  // a day long, two days ago
  CHECK(svg.find("No recovery to a moment between 2026-11-20 13:00 CET, 2026-11-20 12:00 UTC and 2026-11-21 13:00 CET") !=
        std::string::npos);
}

TEST_CASE("a short gap is still seen, and one before the picture is not", "[page]") {
  ClusterFigures cluster = ten_days();
  cluster.spans = {{noon - 2400h, noon - 1200h}, {noon - 1199h, noon - 72h}, {noon - 72h + 1s, noon}};
  cluster.recoverable_from = noon - 72h + 1s;
  const std::vector<Bar> gaps = bars(drawn(cluster), "missing");
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].width == Approx(0.4));
}

TEST_CASE("spans that overlap leave no gap", "[page]") {
  ClusterFigures cluster = ten_days();
  cluster.spans = {{noon - 240h, noon - 24h}, {noon - 100h, noon - 50h}, {noon - 40h, noon}};
  CHECK(bars(drawn(cluster), "missing").empty());
}

TEST_CASE("backups are ticks at their ends, those before the picture left out, damaged ones marked", "[page]") {
  ClusterFigures cluster = ten_days();
  cluster.backups = {backup_of("monthly", noon - 960h), backup_of("weekly", noon - 100h), backup_of("daily", noon - 50h)};
  cluster.backups[2].damaged = true;
  const std::string svg = drawn(cluster);
  CHECK(count(svg, "class=\"tick\"") == 1);
  CHECK(count(svg, "class=\"tick damaged\"") == 1);
  CHECK(svg.find("weekly backup of 2026-11-19 09:04 CET, 2026-11-19 08:04 UTC<") != std::string::npos);
  CHECK(svg.find("daily backup of 2026-11-21 11:04 CET, 2026-11-21 10:04 UTC, damaged<") != std::string::npos);
}

TEST_CASE("the scale has round times of the cluster's zone, and few of them", "[page]") {
  for (const auto promised : {1h, 6h, 24h, 72h, 168h, 720h, 8760h}) {
    ClusterFigures cluster = ten_days();
    cluster.targets.window_seconds = std::chrono::duration<double>(promised).count();
    const std::size_t labels = count(drawn(cluster), "<text class=\"day");
    INFO(promised.count());
    CHECK(labels >= 2);
    CHECK(labels <= 8);
  }
  const std::string svg = drawn(ten_days());
  CHECK(svg.find(">Thu 19<") != std::string::npos);
  CHECK(svg.find(">now<") != std::string::npos);
}

TEST_CASE("over a change of the clock the scale stays at midnight", "[page]") {
  const Time after = parse_time("2026-10-27T12:00:00Z").value();  // summer time ended on the 25th
  ClusterFigures cluster = sample_cluster("shop", 0h);
  const std::string svg = timeline_svg(cluster, Moments("Europe/Berlin", after), Freshness::fresh).text;
  const std::regex pattern("x=\"([0-9.]+)%\" y=\"[0-9]+\">(Sun|Mon) (25|26)<");
  std::vector<double> lefts;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    lefts.push_back(std::stod((*at)[1]));
  }
  REQUIRE(lefts.size() == 2);
  const double hour = 100 / (7 * 24 * 1.12);
  CHECK(lefts[1] - lefts[0] == Approx(25 * hour).margin(0.02));
}

TEST_CASE("without a window the picture says so and shows the promise alone", "[page]") {
  ClusterFigures cluster;
  cluster.targets.window_seconds = 7 * 86400.0;
  const std::string svg = drawn(cluster);
  CHECK(bars(svg, "real").empty());
  CHECK(bars(svg, "promised").size() == 1);
  CHECK(svg.find("aria-label=\"Recovery window: unknown\"") != std::string::npos);
}

}  // namespace timeline_test
