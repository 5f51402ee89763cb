#include <catch2/catch.hpp>

#include "base/error.h"
#include "engine/wal/start_plan.h"

namespace wal_start_plan_test {

using namespace pgrecall;

namespace {
constexpr std::uint32_t segment_size = 1U << 20U;
constexpr Lsn lsn(std::uint64_t segment, std::uint64_t offset = 0) { return Lsn{segment * segment_size + offset}; }

StreamSituation situation(Timeline server, std::vector<TimelineSwitch> ancestors, std::map<Timeline, Lsn> held) {
  return {.server_timeline = server,
          .history = {.timeline = server, .ancestors = std::move(ancestors)},
          .held = std::move(held),
          .oldest_on_server = lsn(40, 500),
          .segment_size = segment_size};
}
}  // namespace

TEST_CASE("A stream goes on exactly behind what is held") {
  const StreamStart start = plan_stream(situation(1, {}, {{1, lsn(7, 123)}}));
  CHECK(start.timeline == 1);
  CHECK(start.lsn == lsn(7, 123));
  CHECK_FALSE(start.lost);
}

TEST_CASE("Without any WAL a stream starts with the segment in which the slot stands") {
  const StreamStart start = plan_stream(situation(1, {}, {}));
  CHECK(start.timeline == 1);
  CHECK(start.lsn == lsn(40));
  // Which may belong to a timeline that ended since.
  CHECK(plan_stream(situation(2, {{1, lsn(41), ""}}, {})).timeline == 1);
  CHECK(plan_stream(situation(2, {{1, lsn(40, 400), ""}}, {})).timeline == 2);
}

TEST_CASE("A timeline that ended behind what is held is streamed to its end first") {
  const StreamStart start = plan_stream(situation(2, {{1, lsn(9, 50), ""}}, {{1, lsn(9, 20)}}));
  CHECK(start.timeline == 1);
  CHECK(start.lsn == lsn(9, 20));
  CHECK_FALSE(start.lost);
  CHECK_FALSE(plan_stream(situation(2, {{1, lsn(9, 50), ""}}, {{1, lsn(9, 50)}})).lost);
}

TEST_CASE("WAL behind the switch is lost, and the next timeline begins with the segment of the switch") {
  const StreamStart start = plan_stream(situation(3, {{1, lsn(9, 50), ""}, {2, lsn(20), ""}}, {{1, lsn(9, 51)}}));
  CHECK(start.timeline == 2);
  CHECK(start.lsn == lsn(9));
  REQUIRE(start.lost);
  CHECK(start.lost->timeline == 1);
  CHECK(start.lost->from == lsn(9, 50));
  CHECK(start.lost->until == lsn(9, 51));
}

TEST_CASE("A timeline that does not lead to the server's is lost as a whole") {
  const StreamStart start = plan_stream(situation(3, {{1, lsn(9, 50), ""}}, {{1, lsn(8)}, {2, lsn(11)}}));
  CHECK(start.timeline == 1);
  CHECK(start.lsn == lsn(8));
  REQUIRE(start.lost);
  CHECK(start.lost->timeline == 2);
  CHECK_FALSE(start.lost->from.valid());
  CHECK(start.lost->until == lsn(11));
  CHECK(plan_stream(situation(3, {{1, lsn(9, 50), ""}}, {{2, lsn(11)}})).lsn == lsn(40));
}

TEST_CASE("A server on an older timeline than what is held is asked again later") {
  try {
    static_cast<void>(plan_stream(situation(1, {}, {{2, lsn(5)}})));
    FAIL("followed a primary that was replaced");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::database_unreachable);
    CHECK(error.passing());
    CHECK(error.context("received") == "2");
  }
}

TEST_CASE("Behind a gap a stream starts where the server has WAL, whatever is held") {
  const StreamStart start = plan_fresh_stream(situation(1, {}, {{1, lsn(7, 123)}}));
  CHECK(start.lsn == lsn(40));
}

}  // namespace wal_start_plan_test
