#include "postgres/wal_segment.h"

#include <algorithm>

#include "unit/postgres/fixture.h"

namespace wal_segment_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::uint32_t segment_size = 16U << 20U;
constexpr std::size_t fixture_size = 16384;  // the first two pages of a segment

struct RealSegment {
  std::string bytes;  // as long as the fixture, two pages
  WalSegmentExpectation expectation;
};

RealSegment real_segment(unsigned major) {
  const std::string name = major == 13 ? "000000010000000000000002" : "000000010000000000000001";
  const std::string folder = std::to_string(major);
  RealSegment segment;
  segment.bytes = read_fixture(folder + "/wal_" + name);
  segment.expectation.system_identifier = std::stoull(read_values(folder + "/pg_control.txt").at("system_identifier"));
  segment.expectation.segment = *WalSegment::parse(name, segment_size);
  segment.expectation.major_version = major;
  return segment;
}

void check_header(const RealSegment& segment) { check_wal_header(bytes_of(segment.bytes), segment.expectation); }

std::string field_of_error(const RealSegment& segment) {
  return std::string(corruption_of([&] { check_header(segment); }).context("field"));
}

// Two real pages, then zeros up to the segment's end, as a switched segment is.
std::uint64_t check_switched(const RealSegment& segment, std::size_t piece) {
  WalPageChecker checker(segment.expectation);
  std::string bytes = segment.bytes;
  bytes.resize(segment_size);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    checker.feed(bytes_of(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  checker.finish();
  return checker.zero_tail_offset();
}

Error feed_error(const RealSegment& segment, std::string_view behind = {}) {
  return corruption_of([&] {
    WalPageChecker checker(segment.expectation);
    checker.feed(bytes_of(segment.bytes));
    checker.feed(bytes_of(behind));
  });
}

}  // namespace

TEST_CASE("WAL of every version is recognised", "[wal_segment]") {
  for (unsigned major = 13; major <= 18; ++major) {
    INFO(major);
    RealSegment segment = real_segment(major);
    REQUIRE(segment.bytes.size() == fixture_size);
    check_header(segment);
    CHECK(major_for_wal_magic(load_little<std::uint16_t>(bytes_of(segment.bytes).data())) == major);
    segment.expectation.major_version = 0;
    check_header(segment);
    segment.expectation.major_version = major == 13 ? 14 : 13;
    const Error error = corruption_of([&] { check_header(segment); });
    CHECK(error.context("field") == "major version");
    CHECK(error.context("found") == std::to_string(major));
  }
  CHECK_FALSE(major_for_wal_magic(0xD101).has_value());
  CHECK_FALSE(major_for_wal_magic(0).has_value());
}

TEST_CASE("a segment header that is not the segment's is refused, with the field", "[wal_segment]") {
  const RealSegment good = real_segment(17);
  RealSegment bad = good;
  bad.expectation.system_identifier += 1;
  CHECK(field_of_error(bad) == "system identifier");
  bad = good;
  bad.expectation.segment.number += 1;
  CHECK(field_of_error(bad) == "page address");
  bad = good;
  bad.expectation.segment.size = 32U << 20U;
  bad.expectation.segment.number = 0;
  CHECK(field_of_error(bad) == "page address");
  store_at<std::uint64_t>(bad.bytes, 8, 0);
  CHECK(field_of_error(bad) == "segment size");
  bad = good;
  store_at<std::uint16_t>(bad.bytes, 0, 0xBEEF);
  CHECK(field_of_error(bad) == "magic");
  bad = good;
  store_at<std::uint16_t>(bad.bytes, 2, 0);
  CHECK(field_of_error(bad) == "flags");
  store_at<std::uint16_t>(bad.bytes, 2, 0x12);
  CHECK(field_of_error(bad) == "flags");
  bad = good;
  store_at<std::uint32_t>(bad.bytes, 36, 0);
  CHECK(field_of_error(bad) == "page size");
  corruption_of([&] { check_wal_header(bytes_of(good.bytes).first(39), good.expectation); });
}

TEST_CASE("WAL of an older timeline may open a segment, of a newer one not", "[wal_segment]") {
  RealSegment segment = real_segment(15);
  segment.expectation.segment.timeline = 4;  // copied at a promotion
  check_header(segment);
  store_at<std::uint32_t>(segment.bytes, 4, 5);
  CHECK(field_of_error(segment) == "timeline");
  store_at<std::uint32_t>(segment.bytes, 4, 0);
  CHECK(field_of_error(segment) == "timeline");
}

TEST_CASE("whole segments are checked in pieces of any size", "[wal_segment]") {
  const RealSegment segment = real_segment(18);
  for (const std::size_t piece : {std::size_t{1001}, std::size_t{8192}, std::size_t{131072}, std::size_t{segment_size}}) {
    INFO(piece);
    CHECK(check_switched(segment, piece) == fixture_size);
  }
  const RealSegment oldest = real_segment(13);
  CHECK(check_switched(oldest, 7) == fixture_size);
}

TEST_CASE("each later page must be the one that belongs there", "[wal_segment]") {
  const RealSegment good = real_segment(16);
  constexpr std::size_t second = 8192;
  RealSegment bad = good;
  store_at<std::uint64_t>(bad.bytes, second + 8, 0);  // a page of a recycled segment
  const Error error = feed_error(bad);
  CHECK(error.context("field") == "page address");
  CHECK(error.context("offset") == "8192");
  CHECK(error.context("segment") == "000000010000000000000001");
  bad = good;
  store_at<std::uint16_t>(bad.bytes, second, 0xD110);
  CHECK(feed_error(bad).context("field") == "magic");
  bad = good;
  store_at<std::uint16_t>(bad.bytes, second + 2, 2);
  CHECK(feed_error(bad).context("field") == "flags");
  bad = good;
  store_at<std::uint32_t>(bad.bytes, second + 4, 2);
  CHECK(feed_error(bad).context("field") == "timeline");
}

TEST_CASE("within a segment timelines only rise", "[wal_segment]") {
  RealSegment segment = real_segment(16);
  segment.expectation.segment.timeline = 3;
  store_at<std::uint32_t>(segment.bytes, 8192 + 4, 3);
  CHECK(check_switched(segment, 4096) == fixture_size);
  store_at<std::uint32_t>(segment.bytes, 4, 2);
  store_at<std::uint32_t>(segment.bytes, 8192 + 4, 1);
  CHECK(feed_error(segment).context("field") == "timeline");
}

TEST_CASE("behind a zero page there must be nothing", "[wal_segment]") {
  const RealSegment segment = real_segment(16);
  std::string tail(3 * 8192, '\0');
  tail[8192 + 5000] = 1;
  CHECK_THAT(feed_error(segment, tail).message(), Catch::Contains("behind the end"));
  tail[8192 + 5000] = 0;
  tail[100] = 1;  // in the page whose header is zero
  CHECK_THAT(feed_error(segment, tail).message(), Catch::Contains("behind the end"));
}

TEST_CASE("segments too short, too long or empty are refused", "[wal_segment]") {
  const RealSegment segment = real_segment(16);
  const Error error = corruption_of([&] {
    WalPageChecker checker(segment.expectation);
    checker.feed(bytes_of(segment.bytes));
    checker.finish();
  });
  CHECK(error.context("found") == "16384");
  CHECK_THAT(feed_error(segment, std::string(segment_size - fixture_size + 1, '\0')).message(), Catch::Contains("more bytes"));
  RealSegment zeros = segment;
  zeros.bytes.assign(fixture_size, '\0');
  CHECK(feed_error(zeros).context("field") == "magic");
}

}  // namespace wal_segment_test
