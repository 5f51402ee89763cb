#include "base/units.h"

#include <catch2/catch.hpp>
#include <limits>

namespace units_test {

using namespace pgrecall;
using std::chrono::milliseconds;

TEST_CASE("sizes need a number and a unit", "[units]") {
  CHECK(parse_size("0B") == 0U);
  CHECK(parse_size("4096B") == 4096U);
  CHECK(parse_size("3kB") == 3000U);
  CHECK(parse_size("50MB") == 50'000'000U);
  CHECK(parse_size("1.5GB") == 1'500'000'000U);
  CHECK(parse_size("2TB") == 2'000'000'000'000U);
  CHECK(parse_size("1KiB") == 1024U);
  CHECK(parse_size("64MiB") == 67'108'864U);
  CHECK(parse_size("0.5GiB") == 536'870'912U);
  CHECK(parse_size("1.25TiB") == 1'374'389'534'720U);
  CHECK(parse_size("0.000001TB") == 1'000'000U);
}

TEST_CASE("what is not a size is refused", "[units]") {
  for (const char* text :
       {"",     "64",   "MiB",    "64 MiB",  "-1MiB", "+1MiB",  "64Mib",  "64mb",   "64K",    "64KB",    "64M",        "1.5B",
        "1.MB", ".5MB", "1..5MB", "1.5.5MB", "1e3MB", "0x10MB", "64MiB ", " 64MiB", "64MiBs", "64MiB/s", "1.0000001TB"}) {
    INFO(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("sizes that do not fit 64 bits are refused", "[units]") {
  CHECK(parse_size("18446744073709551615B") == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(parse_size("18446744073709551616B").has_value());
  CHECK(parse_size("16777215TiB") == 16'777'215ULL << 40U);
  CHECK(parse_size("16777215.5TiB") == (16'777'215ULL << 40U) + (1ULL << 39U));
  CHECK_FALSE(parse_size("16777216TiB").has_value());
  CHECK_FALSE(parse_size("99999999999999999999999B").has_value());
}

TEST_CASE("rates are sizes per second", "[units]") {
  CHECK(parse_rate("50MB/s") == 50'000'000U);
  CHECK(parse_rate("1.5MiB/s") == 1'572'864U);
  for (const char* text : {"50MB", "50MB/", "/s", "50/s", "50MB/s/s", "50MB/m", "50MB /s", "s", ""}) {
    INFO(text);
    CHECK_FALSE(parse_rate(text).has_value());
  }
}

TEST_CASE("durations have units, and sums go from long to short", "[units]") {
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("90s") == milliseconds(90'000));
  CHECK(parse_duration("15m") == milliseconds(900'000));
  CHECK(parse_duration("4h") == milliseconds(14'400'000));
  CHECK(parse_duration("7d") == milliseconds(604'800'000));
  CHECK(parse_duration("5w") == milliseconds(3'024'000'000));
  CHECK(parse_duration("1h30m") == milliseconds(5'400'000));
  CHECK(parse_duration("1w2d3h4m5s6ms") == milliseconds(788'645'006));
  CHECK(parse_duration("0s") == milliseconds(0));
  CHECK(parse_duration("9223372036854775807ms") == milliseconds(std::numeric_limits<std::int64_t>::max()));
}

TEST_CASE("what is not a duration is refused", "[units]") {
  for (const char* text : {"", "7", "d", "7 d", "-7d", "1.5h", "7days", "7D", "7M", "1h30", "30m1h", "1h1h", "1h 30m", "h1",
                           "7d ", "1sm", "9223372036854775808ms", "9223372036854775807s", "9223372036854775807ms1ms"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("sizes for people have three significant digits", "[units]") {
  CHECK(format_size(0) == "0 B");
  CHECK(format_size(999) == "999 B");
  CHECK(format_size(1000) == "1.00 kB");
  CHECK(format_size(9'994) == "9.99 kB");
  CHECK(format_size(9'996) == "10.0 kB");
  CHECK(format_size(99'960) == "100 kB");
  CHECK(format_size(831'000) == "831 kB");
  CHECK(format_size(999'499) == "999 kB");
  CHECK(format_size(999'500) == "1.00 MB");
  CHECK(format_size(4'712'345'678) == "4.71 GB");
  CHECK(format_size(std::numeric_limits<std::uint64_t>::max()) == "18.4 EB");
}

TEST_CASE("rates for people", "[units]") {
  CHECK(format_rate(112e6) == "112 MB/s");
  CHECK(format_rate(0.4) == "0 B/s");
  CHECK(format_rate(-5) == "0 B/s");
  CHECK(format_rate(std::numeric_limits<double>::quiet_NaN()) == "0 B/s");
  CHECK(format_rate(std::numeric_limits<double>::infinity()) == "0 B/s");
}

TEST_CASE("durations for people", "[units]") {
  CHECK(format_duration(milliseconds(0)) == "0.0 s");
  CHECK(format_duration(milliseconds(-3)) == "0.0 s");
  CHECK(format_duration(milliseconds(449)) == "0.4 s");
  CHECK(format_duration(milliseconds(450)) == "0.5 s");
  CHECK(format_duration(milliseconds(12'300)) == "12.3 s");
  CHECK(format_duration(milliseconds(59'949)) == "59.9 s");
  CHECK(format_duration(milliseconds(59'950)) == "1 min 00 s");
  CHECK(format_duration(milliseconds(245'999)) == "4 min 05 s");
  CHECK(format_duration(milliseconds(3'599'999)) == "59 min 59 s");
  CHECK(format_duration(milliseconds(3'600'000)) == "1 h 00 min");
  CHECK(format_duration(milliseconds(7'800'000)) == "2 h 10 min");
  CHECK(format_duration(milliseconds(86'399'000)) == "23 h 59 min");
  CHECK(format_duration(milliseconds(273'600'000)) == "3 d 4 h");
}

}  // namespace units_test
