#include "postgres/postgres_version.h"

#include <catch2/catch.hpp>

namespace postgres_version_test {

using namespace pgrecall;

TEST_CASE("version numbers are told as PostgreSQL tells them", "[postgres_version]") {
  CHECK(format_version_num(150012) == "15.12");
  CHECK(format_version_num(180000) == "18.0");
  CHECK(format_version_num(90624) == "9.6.24");
  CHECK(major_of_version_num(130023) == 13);
  CHECK(supported_major(13));
  CHECK(supported_major(18));
  CHECK_FALSE(supported_major(12));
  CHECK_FALSE(supported_major(19));
}

}  // namespace postgres_version_test
