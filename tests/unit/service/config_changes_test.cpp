#include "service/config_changes.h"

#include <catch2/catch.hpp>

namespace config_changes_test {

using namespace pgrecall;

namespace {
Config config() {
  return check_config_text(
             "repositories: { main: { path: /srv/r }, second: { path: /srv/s } }\n"
             "clusters:\n"
             "  a: { connection: \"host=a\", repository: main }\n"
             "  b: { connection: \"host=b\", repository: second }\n",
             "/etc/x.yaml")
      .config;
}
}  // namespace

TEST_CASE("a reload concerns those alone whose WAL is received otherwise") {
  const Config before = config();
  Config after = config();
  SECTION("nothing") { CHECK(compare(before, after).guards.empty()); }
  SECTION("schedule and retention") {
    after.clusters.at("a").schedule.daily = "1 1 * * *";
    after.clusters.at("a").retention.daily = 3;
    after.clusters.at("a").schedule.off_peak.reset();
    after.daemon.parallel_runs = 9;
    CHECK(compare(before, after).guards.empty());
    CHECK(compare(before, after).repositories.empty());
  }
  SECTION("connection") {
    after.clusters.at("a").connection = Secret("host=c");
    CHECK(compare(before, after).guards == std::set<std::string>{"a"});
  }
  SECTION("where the password is") {
    after.clusters.at("a").password.file = "/x";
    CHECK(compare(before, after).guards == std::set<std::string>{"a"});
  }
  SECTION("how WAL is received") {
    after.clusters.at("b").wal.slot = "mine";
    CHECK(compare(before, after).guards == std::set<std::string>{"b"});
  }
  SECTION("a repository's key, and all who use it") {
    after.repositories.at("main").key_file = "/key";
    CHECK(compare(before, after).guards == std::set<std::string>{"a"});
    CHECK(compare(before, after).repositories == std::set<std::string>{"main"});
  }
  SECTION("the spool, which all use") {
    after.spool = "/elsewhere";
    CHECK(compare(before, after).guards == std::set<std::string>{"a", "b"});
  }
  SECTION("clusters that come and go") {
    after.clusters.erase("b");
    after.clusters["c"] = after.clusters.at("a");
    const ConfigChanges changes = compare(before, after);
    CHECK(changes.guards.empty());
    CHECK(changes.text == "cluster b is gone; cluster c is new");
  }
  SECTION("what needs a restart is said") {
    after.daemon.socket = "/run/x";
    CHECK_THAT(compare(before, after).text, Catch::Contains("restart"));
  }
}

}  // namespace config_changes_test
