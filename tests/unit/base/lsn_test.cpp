#include "base/lsn.h"

#include <catch2/catch.hpp>
#include <limits>

namespace lsn_test {

using namespace pgrecall;

namespace {
constexpr std::uint32_t mib = 1U << 20U;
}

TEST_CASE("LSNs are printed and read as PostgreSQL does", "[lsn]") {
  CHECK(Lsn{0x16B374D848ULL}.to_string() == "16/B374D848");
  CHECK(Lsn{0x100000028ULL}.to_string() == "1/28");
  CHECK(Lsn{}.to_string() == "0/0");
  CHECK(Lsn{std::numeric_limits<std::uint64_t>::max()}.to_string() == "FFFFFFFF/FFFFFFFF");
  CHECK(Lsn::parse("16/B374D848") == Lsn{0x16B374D848ULL});
  CHECK(Lsn::parse("16/b374d848") == Lsn{0x16B374D848ULL});
  CHECK(Lsn::parse("00000001/00000028") == Lsn{0x100000028ULL});
  CHECK_FALSE(Lsn{}.valid());
  CHECK(Lsn{1}.valid());
  CHECK(Lsn{1} < Lsn{2});
}

TEST_CASE("what is not an LSN is refused", "[lsn]") {
  for (const char* text : {"", "/", "16", "16/", "/16", "16/B374D848F", "123456789/0", "16/G", "16//1", "16/1/1", " 16/1",
                           "16/1 ", "-1/0", "0x1/0"}) {
    INFO(text);
    CHECK_FALSE(Lsn::parse(text).has_value());
  }
}

TEST_CASE("segments of 16 MiB are named as pg_walfile_name names them", "[lsn]") {
  const auto segment = WalSegment::containing(1, Lsn{0x16B374D848ULL}, 16 * mib);
  CHECK(segment.file_name() == "0000000100000016000000B3");
  CHECK(segment.start() == Lsn{0x16B3000000ULL});
  CHECK(segment.end() == Lsn{0x16B4000000ULL});
  CHECK(WalSegment::parse("0000000100000016000000B3", 16 * mib) == segment);
}

TEST_CASE("a segment's first byte belongs to it and its end to the next", "[lsn]") {
  const auto segment = WalSegment::containing(3, Lsn{0x5000000ULL}, 16 * mib);
  CHECK(segment.number == 5);
  CHECK(WalSegment::containing(3, Lsn{0x4FFFFFFULL}, 16 * mib).number == 4);
  CHECK(WalSegment::containing(3, segment.end(), 16 * mib) == segment.next());
  CHECK(segment.next().timeline == 3);
}

TEST_CASE("names roll over to the next upper half where the segment size says", "[lsn]") {
  CHECK(WalSegment{0x2A, 0xFF, 16 * mib}.file_name() == "0000002A00000000000000FF");
  CHECK(WalSegment{0x2A, 0x100, 16 * mib}.file_name() == "0000002A0000000100000000");
  CHECK(WalSegment{1, 4, 1024 * mib}.file_name() == "000000010000000100000000");
  CHECK(WalSegment{1, 0xFFF, mib}.file_name() == "000000010000000000000FFF");
  CHECK(WalSegment::parse("000000010000000000000FFF", mib)->number == 0xFFF);
  CHECK(WalSegment::parse("000000010000000200000003", 1024 * mib)->number == 11);
}

TEST_CASE("what is not a segment's name is refused", "[lsn]") {
  for (const char* name :
       {"", "0000000100000016000000B", "0000000100000016000000B34", "0000000100000016000000b3", "0000000100000016000000G3",
        "0000000000000016000000B3", "000000010000001600000100", "00000002.history", "0000000100000016000000B3.partial"}) {
    INFO(name);
    CHECK_FALSE(WalSegment::parse(name, 16 * mib).has_value());
  }
}

TEST_CASE("timelines and segment sizes", "[lsn]") {
  CHECK(timeline_name(10) == "0000000A");
  CHECK(timeline_name(0xFFFFFFFF) == "FFFFFFFF");
  CHECK(valid_segment_size(mib));
  CHECK(valid_segment_size(1024ULL * mib));
  CHECK_FALSE(valid_segment_size(0));
  CHECK_FALSE(valid_segment_size(mib / 2));
  CHECK_FALSE(valid_segment_size(2048ULL * mib));
  CHECK_FALSE(valid_segment_size(3 * mib));
}

}  // namespace lsn_test
