#include "alert/heartbeats.h"

#include "unit/alert/fixture.h"

namespace heartbeats_test {

using namespace pgrecall;
using Event = Heartbeats::RunEvent;

TEST_CASE("A run has one UUID, that of its id") {
  const std::string uuid = run_uuid("20261123T023000Z-shop-daily");
  REQUIRE(uuid.size() == 36);
  CHECK(uuid[8] == '-');
  CHECK(uuid[14] == '8');
  CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
  CHECK(run_uuid("20261123T023000Z-shop-daily") == uuid);
  CHECK(run_uuid("20261124T023000Z-shop-daily") != uuid);
}

TEST_CASE("Start, success and failure are called where they belong") {
  const std::string rid = "rid=" + run_uuid("r");
  CHECK(heartbeat_address("https://hc/u", Event::start, "r") == "https://hc/u/start?" + rid);
  CHECK(heartbeat_address("https://hc/u", Event::success, "r") == "https://hc/u?" + rid);
  CHECK(heartbeat_address("https://hc/u/", Event::fail, "r") == "https://hc/u/fail?" + rid);
  CHECK(heartbeat_address("https://hc/u?a=b", Event::fail, "r") == "https://hc/u/fail?a=b&" + rid);
  CHECK(heartbeat_address("https://hc/u?a=b", Event::success, "") == "https://hc/u?a=b");
  CHECK(heartbeat_address("https://hc/u", Event::success, "") == "https://hc/u");
}

}  // namespace heartbeats_test
