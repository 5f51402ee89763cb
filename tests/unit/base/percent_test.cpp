#include "base/percent.h"

#include <catch2/catch.hpp>

namespace percent_test {
using namespace pgrecall;

TEST_CASE("What an address has as digits is itself again, and all else stays") {
  CHECK(percent_decoded("pass%40word%2F%2f") == "pass@word//");
  CHECK(percent_decoded("") == "");
  CHECK(percent_decoded("100%") == "100%");
  CHECK(percent_decoded("%4") == "%4");
  CHECK(percent_decoded("%zz%-1%41") == "%zz%-1A");
  CHECK(percent_decoded("%2541") == "%41");
}

}  // namespace percent_test
