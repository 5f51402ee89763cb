#include "postgres/timeline_history.h"

#include "unit/postgres/fixture.h"

namespace timeline_history_test {

using namespace pgrecall;
using namespace pgrecall::testing;

TEST_CASE("the history of a real promotion is read", "[timeline_history]") {
  const TimelineHistory history = parse_timeline_history(2, read_fixture("15/00000002.history"));
  CHECK(history.timeline == 2);
  CHECK(history.ancestors == std::vector<TimelineSwitch>{{1, Lsn{0x4051908}, "no recovery target specified"}});
  CHECK(timeline_history_name(0x1A) == "0000001A.history");
}

TEST_CASE("comments, empty lines and missing reasons are taken as PostgreSQL takes them", "[timeline_history]") {
  const TimelineHistory history =
      parse_timeline_history(9, "# comment\n\n  1\t0/5000000\tbefore 2026-11-23 02:30:00+00\r\n \t\n4\t1/28");
  CHECK(history.ancestors ==
        std::vector<TimelineSwitch>{{1, Lsn{0x5000000}, "before 2026-11-23 02:30:00+00"}, {4, Lsn{0x100000028ULL}, ""}});
  CHECK(parse_timeline_history(1, "").ancestors.empty());
}

TEST_CASE("each LSN belongs to one timeline of a history", "[timeline_history]") {
  const TimelineHistory history = parse_timeline_history(5, "1\t0/5000000\ta\n3\t0/7000000\tb\n");
  CHECK(history.timeline_at(Lsn{0x4FFFFFF}) == 1);
  CHECK(history.timeline_at(Lsn{0x5000000}) == 3);
  CHECK(history.timeline_at(Lsn{0x6FFFFFF}) == 3);
  CHECK(history.timeline_at(Lsn{0x7000000}) == 5);
  CHECK(history.end_of(3) == Lsn{0x7000000});
  CHECK_FALSE(history.end_of(2).valid());
  CHECK_FALSE(history.end_of(5).valid());
  CHECK(history.descends_from(5));
  CHECK(history.descends_from(1));
  CHECK_FALSE(history.descends_from(2));
}

TEST_CASE("a timeline left before it began takes no WAL", "[timeline_history]") {
  // Recovery along timeline 2 that stops at 0/4000000, while 2 began at 0/5000000.
  const TimelineHistory history = parse_timeline_history(3, "1\t0/5000000\ta\n2\t0/4000000\tb\n");
  CHECK(history.timeline_at(Lsn{0x3000000}) == 1);
  CHECK(history.timeline_at(Lsn{0x4000000}) == 3);
  CHECK(history.timeline_at(Lsn{0x6000000}) == 3);
}

TEST_CASE("malformed histories are refused with file and line", "[timeline_history]") {
  for (const char* text :
       {"1\n", "1\tx\n", "x\t0/5000000\n", "0\t0/5000000\n", "1\t0/0\n", "-1\t0/5000000\n", "4294967296\t0/5000000\n"}) {
    INFO(text);
    corruption_of([&] { return parse_timeline_history(9, text); });
  }
  const Error error = corruption_of([] { return parse_timeline_history(9, "2\t0/5000000\ta\n2\t0/6000000\tb\n"); });
  CHECK(error.context("line") == "2");
  CHECK(error.context("file") == "00000009.history");
  corruption_of([] { return parse_timeline_history(9, "9\t0/5000000\n"); });
}

}  // namespace timeline_history_test
