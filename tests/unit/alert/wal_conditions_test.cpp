#include <catch2/catch.hpp>

#include "unit/alert/healthy.h"

namespace wal_conditions_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Catch::Matchers::Contains;

namespace {
template <typename Change>
ServiceFigures wal_with(const Change& change) {
  return cluster_with([&](ClusterFigures& cluster) { change(cluster.wal); });
}
}  // namespace

TEST_CASE("more than is promised would be lost", "[alert]") {
  const auto behind = [](const char* state, std::chrono::microseconds age, std::uint64_t lag) {
    return wal_with([&](WalFigures& wal) {
      wal.state = state;
      wal.durable_time = noon - age;
      wal.lag_bytes = lag;
    });
  };
  CHECK(names_of(behind("streaming", 5min, 1)) == Names{});
  CHECK(names_of(behind("streaming", 24h, 0)) == Names{});  // a server that writes nothing
  const auto found = judged_in(behind("streaming", 5min + 1s, 1));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallRpoExceeded");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK(found[0].hold == 0s);
  CHECK_THAT(found[0].alert.summary, Contains("5 min 01 s would be lost") && Contains("2026-11-23T11:54:59Z"));
  // What a server that is away has written, nobody knows.
  CHECK(names_of(behind("connecting", 5min, 0)) == Names{"PgrecallWalStalled"});
  CHECK(names_of(behind("connecting", 5min + 1s, 0)) == Names{"PgrecallRpoExceeded", "PgrecallWalStalled"});
  CHECK(judged_in(behind("connecting", 5min + 1s, 0))[0].hold == 2min);
  // After a start the repository tells what is safe.
  const auto started = cluster_with([](ClusterFigures& cluster) {
    cluster.wal.durable_time.reset();
    cluster.wal.state.clear();
    cluster.recoverable_until = noon - 1h;
  });
  CHECK(names_of(started) == Names{"PgrecallRpoExceeded", "PgrecallWalStalled"});
}

TEST_CASE("WAL that is not received is told after the interruption that is allowed", "[alert]") {
  const auto found = judged_in(wal_with([](WalFigures& wal) {
    wal.state = "connecting";
    wal.problem = "password authentication failed";
    wal.hint = "look at clusters.shop.password_file";
  }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallWalStalled");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK(found[0].hold == 5min);
  CHECK(found[0].settle == 5min);
  CHECK_THAT(found[0].alert.summary, Contains("password authentication failed."));
  CHECK_THAT(found[0].alert.action, Contains("look at clusters.shop.password_file.") && Contains("pgrecall check shop"));
  const auto hold = [](double seconds) {
    return judged_in(cluster_with([&](ClusterFigures& cluster) {
             cluster.wal.state = "connecting";
             cluster.targets.wal_interruption_seconds = seconds;
           }))
        .at(0)
        .hold;
  };
  CHECK(hold(3) == 3s);
  CHECK(hold(0) == 5min);
  const auto silent = [](std::chrono::microseconds since) {
    return wal_with([&](WalFigures& wal) { wal.updated = noon - since; });
  };
  CHECK(names_of(silent(5min)) == Names{});
  CHECK(judged_in(silent(5min + 1s)).at(0).hold == 0s);
  const auto full = judged_in(wal_with([](WalFigures& wal) {
    wal.state = "waiting_for_room";
    wal.spool_bytes = 17'000'000'000;
  }));
  CHECK_THAT(full.at(0).alert.summary, Contains("17.0 GB wait for the repository"));
}

TEST_CASE("WAL is not judged where it is not ours to receive", "[alert]") {
  const auto none = wal_with([](WalFigures& wal) {
    wal.configured = false;
    wal.state.clear();
  });
  CHECK(names_of(none) == Names{});
}

TEST_CASE("segments that the repository refuses", "[alert]") {
  const auto found = judged_in(wal_with([](WalFigures& wal) { wal.refused = 2; }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallWalStalled");
  CHECK(found[0].alert.subject == "refused");
  CHECK_THAT(found[0].alert.summary, Contains("2 WAL segments of shop"));
}

TEST_CASE("a slot that keeps too much, or is lost", "[alert]") {
  const auto slot = [](const std::string& status, std::uint64_t retained, std::optional<std::uint64_t> limit) {
    return wal_with([&](WalFigures& wal) {
      wal.slot = SlotFigures{.asked = noon,
                             .exists = !status.empty(),
                             .wal_status = status,
                             .retained_bytes = retained,
                             .limit_bytes = limit,
                             .problem = {}};
    });
  };
  constexpr std::uint64_t target = std::uint64_t{10} << 30U;
  CHECK(names_of(slot("extended", target, {})) == Names{});
  CHECK(names_of(slot("extended", target + 1, {})) == Names{"PgrecallSlotRetention"});
  CHECK(names_of(slot("reserved", 500, 1000)) == Names{});
  const auto near = judged_in(slot("reserved", 501, 1000));
  REQUIRE(near.size() == 1);
  CHECK(near[0].alert.severity == Severity::warning);
  CHECK(near[0].hold == 2min);
  CHECK_THAT(near[0].alert.summary, Contains("at 1.00 kB it cuts the slot off"));
  CHECK_THAT(judged_in(slot("extended", target + 1, {}))[0].alert.summary, Contains("its disk may fill"));
  CHECK(names_of(slot("unreserved", 1, 1000)) == Names{"PgrecallSlotRetention"});
  const auto lost = judged_in(slot("lost", 0, 1000));
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].alert.name == "PgrecallSlotLost");
  CHECK(lost[0].alert.severity == Severity::critical);
  CHECK_THAT(lost[0].alert.summary, Contains("was cut off"));
  CHECK_THAT(judged_in(slot("", 0, {}))[0].alert.summary, Contains("is not there"));
  auto unknown = slot("", 0, {});
  unknown.clusters.front().wal.slot->problem = "connection refused";
  CHECK(names_of(unknown) == Names{});
}

TEST_CASE("WAL that the receiver has not come to yet breaks no window, and mends none", "[alert]") {
  const auto found = judged_in(cluster_with([](ClusterFigures& cluster) {
    cluster.window_awaited = true;
    cluster.recoverable_from = noon - 1h;
  }));
  REQUIRE(found.size() == 1);  // nor is the window too short
  CHECK(found[0].alert.name == "PgrecallWindowBroken");
  CHECK(found[0].hold > 24h * 30);
}

TEST_CASE("a gap until a backup is behind it, a broken window until the gap has left it", "[alert]") {
  const auto gap = [](bool repaired) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.wal.gaps = 1;
      cluster.wal.gap_repaired = repaired;
      cluster.window_broken = true;
      cluster.recoverable_from = noon - 1h;
    });
  };
  CHECK(names_of(gap(false)) == Names{"PgrecallWindowBroken", "PgrecallWalGap"});
  const auto repaired = judged_in(gap(true));
  REQUIRE(repaired.size() == 1);
  CHECK(repaired[0].alert.name == "PgrecallWindowBroken");
  CHECK(repaired[0].alert.severity == Severity::critical);
  CHECK_THAT(repaired[0].alert.summary, Contains("reaches back to 2026-11-23T11:00:00Z"));
  CHECK_THAT(repaired[0].alert.action, Contains("nothing else is to be done"));
}

TEST_CASE("a window that is shorter than promised, once it could be as long", "[alert]") {
  const auto window = [](std::chrono::microseconds first, std::optional<std::chrono::microseconds> reach) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.first_backup_started = noon - first;
      cluster.recoverable_from = reach ? std::optional(noon - *reach) : std::nullopt;
    });
  };
  constexpr auto promised = 7 * 24h;
  CHECK(names_of(window(promised, 1h)) == Names{});
  CHECK(names_of(window(promised + 1s, 160h)) == Names{});
  const auto found = judged_in(window(promised + 1s, promised * 94 / 100));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallWindowTooShort");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK_THAT(found[0].alert.summary, Contains("6 d 13 h only") && Contains("7 d"));
  CHECK(names_of(window(promised + 1s, {})) == Names{"PgrecallWindowTooShort"});
}

}  // namespace wal_conditions_test
