#include <catch2/catch.hpp>

#include "config/conninfo.h"
#include "unit/config/fixture.h"

namespace supabase_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {
constexpr auto project = "project: abcdefghijklmnopqrst";

// The cluster's keys from line 5 on.
std::string cluster(const std::string& lines) {
  return "repositories: { main: { path: /a } }\nclusters:\n  shop:\n    repository: main\n" + lines;
}

std::string hosted(const std::string& supabase, const std::string& more = "", const std::string& connection = "host=db") {
  return cluster("    connection: " + connection + "\n    kind: supabase-hosted\n    supabase: { " + supabase + " }\n" + more);
}
}  // namespace

TEST_CASE("a hosted project is a cluster of its own kind", "[config]") {
  const Config config = config_of(hosted(std::string(project) + ", token_file: token, promised_window: 14d, poll_interval: 1m"));
  const ClusterConfig& shop = config.clusters.at("shop");
  CHECK(shop.kind == ClusterConfig::Kind::supabase_hosted);
  CHECK(shop.supabase.project == "abcdefghijklmnopqrst");
  CHECK(shop.supabase.token.file == "/etc/token");
  CHECK(shop.supabase.promised_window == 14 * 24h);
  CHECK(shop.supabase.poll_interval == 1min);
  CHECK(shop.supabase.api == "https://api.supabase.com");
  CHECK(config_of(minimal).clusters.at("prod").kind == ClusterConfig::Kind::postgresql);
  CHECK(SupabaseConfig{}.poll_interval == 5min);
}

TEST_CASE("what a kind does not have is not shown of it", "[config]") {
  const auto json = to_json(config_of(hosted(project)))["clusters"]["shop"];
  CHECK_FALSE(json.contains("wal"));
  CHECK(json["supabase"]["poll_interval"] == "5m");
  const auto other = to_json(config_of(minimal))["clusters"]["prod"];
  CHECK_FALSE(other.contains("supabase"));
  CHECK(other["wal"]["tail_interval"] == "10s");
  for (const std::string& text : {hosted(std::string(project) + ", api: https://a.example"), std::string(minimal)}) {
    CHECK(to_json(config_of(to_yaml(config_of(text)))) == to_json(config_of(text)));
  }
}

TEST_CASE("a hosted project is named, and its token may be absent", "[config]") {
  CHECK(errors_of(cluster("    connection: host=db\n    kind: supabase-hosted\n")) ==
        Lines{"3:3: clusters.shop: has no \"project\"; hint: add supabase: { project: REF }, the 20 letters in the dashboard's "
              "address"});
  CHECK(bare_errors_of(hosted("api: https://a.example")) == Lines{"7:5: clusters.shop.supabase: has no \"project\""});
  for (const auto* bad : {"abcdefghijklmnopqrs", "abcdefghijklmnopqrstu", "Abcdefghijklmnopqrst", "abcdefghijklmnopqrs1"}) {
    CHECK(bare_errors_of(hosted(std::string("project: ") + bad)) ==
          Lines{std::string("7:26: clusters.shop.supabase.project: \"") + bad + "\" is not the reference of a Supabase project"});
  }
  const Lines warned = warnings_of(hosted(project));
  REQUIRE(warned.size() == 1);
  CHECK(warned[0].starts_with("7:5: clusters.shop.supabase: has no token: the platform's own backups are neither watched"));
  CHECK(bare_errors_of(hosted(std::string(project) + ", token_file: /a, token_env: B")) ==
        Lines{"7:75: clusters.shop.supabase.token_env: stands beside \"token_file\""});
}

TEST_CASE("the transaction pooler is no place for dumps", "[config]") {
  const auto errors = [](const std::string& connection) { return errors_of(hosted(project, "", connection)); };
  const Lines refused{
      "5:17: clusters.shop.connection: names port 6543, the transaction pooler, which keeps no session for a dump; hint: name "
      "the session pooler on port 5432 of the same host, or the direct connection"};
  CHECK(errors("host=x port=6543") == refused);
  CHECK(errors("\"host=x,y port=5432,6543\"") == refused);
  CHECK(errors("postgresql://u@x:6543/postgres") == refused);
  CHECK(errors("host=x port=5432").empty());
  CHECK(errors("host=x dbname=6543").empty());
  CHECK(errors_of(cluster("    connection: host=x port=6543\n")).empty());
}

TEST_CASE("what a hosted project does not have is refused, and the other way round", "[config]") {
  CHECK(errors_of(hosted(project, "    wal: { slot: mine }\n")) ==
        Lines{"8:18: clusters.shop.wal.slot: means nothing for kind supabase-hosted, which gives no WAL and no physical access; "
              "hint: remove it"});
  CHECK(bare_errors_of(hosted(project, "    backup: { checkpoint: fast }\n")).size() == 1);
  CHECK(errors_of(hosted(project, "    backup: { max_rate: 1MB/s }\n    drill: { canary: true }\n")).empty());
  const Lines warned = warnings_of(hosted(std::string(project) + ", token_env: PATH", "    targets: { rpo: 1m }\n"));
  CHECK(warned ==
        Lines{"8:21: clusters.shop.targets.rpo: is not used for kind supabase-hosted; hint: remove it: docs/supabase-hosted.md"});
  CHECK(errors_of(cluster("    connection: host=x\n    supabase: { project: abcdefghijklmnopqrst }\n")) ==
        Lines{"6:26: clusters.shop.supabase.project: is for a hosted project, and this cluster is none; hint: add kind: "
              "supabase-hosted, or remove it"});
}

TEST_CASE("what is promised of the platform, and how it is asked, can be", "[config]") {
  const auto errors = [](const std::string& supabase) { return bare_errors_of(hosted(project + (", " + supabase))); };
  CHECK(errors("promised_window: 28d").empty());
  CHECK(errors("promised_window: 29d") ==
        Lines{"7:65: clusters.shop.supabase.promised_window: is not what the platform can keep"});
  CHECK(errors("promised_window: 59m").size() == 1);
  CHECK(errors("poll_interval: 1s").empty());
  CHECK(errors("poll_interval: 999ms") == Lines{"7:63: clusters.shop.supabase.poll_interval: is too short"});
  for (const auto* good : {"https://api.example.com", "https://[::1]:8443/v0", "http://127.0.0.1:8080", "http://localhost"}) {
    CHECK(errors(std::string("api: \"") + good + "\"").empty());
  }
  for (const auto* bad : {"http://api.example.com", "https://", "https://a/", "https://u@a", "https://a?b", "ftp://a", "a",
                          "http://127.0.0.1.example.com"}) {
    CHECK(errors(std::string("api: \"") + bad + "\"") ==
          Lines{"7:53: clusters.shop.supabase.api: is not an https:// address without user, query and slash at its end"});
  }
}

TEST_CASE("hosted projects have no slots to share", "[config]") {
  const std::string both = hosted(std::string(project) + ", token_env: PATH") +
                           "  shop2: { repository: main, connection: host=db, kind: supabase-hosted, supabase: { project: "
                           "bbcdefghijklmnopqrst, token_env: PATH } }\n";
  CHECK(warnings_of(both).empty());
}

}  // namespace supabase_test
