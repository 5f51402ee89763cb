#include <catch2/catch.hpp>

#include "base/error.h"
#include "unit/config/fixture.h"

namespace problems_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Lines = std::vector<std::string>;

namespace {
std::string with(std::string_view more) { return std::string(minimal) + std::string(more); }

// A cluster section with one line added in its own line 6, column 5.
std::string cluster_with(std::string_view line) {
  return "repositories: { main: { path: /srv/backup } }\nclusters:\n  prod:\n    connection: host=db\n    repository: main\n   "
         " " +
         std::string(line) + "\n";
}
}  // namespace

TEST_CASE("a minimal file is one repository and one cluster", "[config]") { CHECK(errors_of(minimal) == Lines{}); }

TEST_CASE("unknown keys are named with their place and the key that was meant", "[config]") {
  CHECK(errors_of(with("metric: { listen: 127.0.0.1:1 }\n")) ==
        Lines{"4:1: metric: unknown key; hint: did you mean \"metrics\"?"});
  CHECK(errors_of(cluster_with("retention: { dayly: 3 }")) ==
        Lines{"6:18: clusters.prod.retention.dayly: unknown key; hint: did you mean \"daily\"?"});
  CHECK(errors_of(cluster_with("backup: { compression: { mehtod: lz4 } }")) ==
        Lines{"6:30: clusters.prod.backup.compression.mehtod: unknown key; hint: did you mean \"method\"?"});
  CHECK(errors_of(cluster_with("password-file: x")) ==
        Lines{"6:5: clusters.prod.password-file: unknown key; hint: did you mean \"password_file\"?"});
  CHECK(errors_of(cluster_with("Retention: { daily: 3 }")) ==
        Lines{"6:5: clusters.prod.Retention: unknown key; hint: did you mean \"retention\"?"});
}

TEST_CASE("where nothing near was meant, the keys that there are are listed", "[config]") {
  CHECK(errors_of(with("metrics: { frobnicate: 1 }\n")) ==
        Lines{"4:12: metrics.frobnicate: unknown key; hint: keys here: listen, tls_certificate, tls_key, username, "
              "password, password_file, password_env, password_credential"});
}

TEST_CASE("duplicate keys are refused at every level, at the second place", "[config]") {
  CHECK(errors_of(with("spool: /a\nspool: /b\n")) ==
        Lines{"5:1: spool: is there twice; hint: the first is in line 4; remove one"});
  CHECK(errors_of(cluster_with("retention: { daily: 1, daily: 2 }")) ==
        Lines{"6:28: clusters.prod.retention.daily: is there twice; hint: the first is in line 6; remove one"});
  CHECK(errors_of("repositories:\n  main: { path: /a }\n  main: { path: /b }\nclusters: { prod: { connection: host=db, "
                  "repository: main } }\n") ==
        Lines{"3:3: repositories.main: is there twice; hint: the first is in line 2; remove one"});
}

TEST_CASE("values of the wrong type are named", "[config]") {
  CHECK(bare_errors_of(cluster_with("retention: 7")) == Lines{"6:16: clusters.prod.retention: is a single value, not a section"});
  CHECK(bare_errors_of(cluster_with("retention: [7]")) == Lines{"6:16: clusters.prod.retention: is a list, not a section"});
  CHECK(bare_errors_of(cluster_with("schedule: { daily: [1] }")) ==
        Lines{"6:24: clusters.prod.schedule.daily: is a list, not cron expression, or never"});
  CHECK(bare_errors_of(with("spool: { a: b }\n")) == Lines{"4:8: spool: is a section, not path"});
  CHECK(bare_errors_of("repositories: { main: /srv/backup }\nclusters: { prod: { connection: host=db, repository: main } }\n") ==
        Lines{"1:23: repositories.main: is a single value, not a section"});
}

TEST_CASE("what is wrong within a cron expression is told at its place", "[config]") {
  CHECK(bare_errors_of(cluster_with("schedule: { daily: 30 2 * * MOM }")) ==
        Lines{"6:33: clusters.prod.schedule.daily: \"MOM\" is no day of week"});
  CHECK(
      errors_of(cluster_with("schedule: { daily: \"30 2 31 2 *\" }")) ==
      Lines{
          "6:30: clusters.prod.schedule.daily: \"30 2 31 2 *\" is never due: there is no such day; hint: for a month's last day "
          "write L"});
  CHECK(errors_of(cluster_with("schedule: { timezone: Berlin }")) ==
        Lines{"6:27: clusters.prod.schedule.timezone: \"Berlin\" is not a time zone that this system knows; hint: did you mean "
              "\"Europe/Berlin\"?"});
}

TEST_CASE("keys without a value are refused, at the key", "[config]") {
  CHECK(bare_errors_of(with("spool:\n")) == Lines{"4:1: spool: has no value"});
  CHECK(bare_errors_of(with("spool: ~\n")) == Lines{"4:1: spool: has no value"});
  CHECK(bare_errors_of(with("spool: null\n")) == Lines{"4:1: spool: has no value"});
  CHECK(bare_errors_of(with("alerts:\n")) == Lines{"4:1: alerts: has no value"});
  CHECK(bare_errors_of(with("spool: \"\"\n")) == Lines{"4:8: spool: is empty"});
  CHECK(bare_errors_of(with("spool: \"a\\nb\"\n")) == Lines{"4:8: spool: has a line end or control character in it"});
  CHECK(bare_errors_of(with("spool: \"a\\0b\"\n")) == Lines{"4:8: spool: has a line end or control character in it"});
}

TEST_CASE("missing keys are named at the section that lacks them", "[config]") {
  CHECK(errors_of("repositories: { main: { path: /a } }\n") ==
        Lines{"1:1: has no \"clusters\"; hint: add clusters: a section of names"});
  CHECK(bare_errors_of("repositories: { main: { path: /a } }\nclusters:\n  prod: { repository: main }\n") ==
        Lines{"3:3: clusters.prod: has no \"connection\""});
  CHECK(bare_errors_of("repositories: { main: { path: /a } }\nclusters:\n  prod: { connection: host=db }\n") ==
        Lines{"3:3: clusters.prod: has no \"repository\""});
  CHECK(bare_errors_of("repositories: { main: { path: /a } }\nclusters: {}\n") == Lines{"2:1: clusters: is empty"});
}

TEST_CASE("numbers are decimal, bare and within their range", "[config]") {
  const auto daily = [](const std::string& value) { return bare_errors_of(cluster_with("retention: { daily: " + value + " }")); };
  const std::string key = "6:25: clusters.prod.retention.daily: ";
  CHECK(daily("0") == Lines{});
  CHECK(daily("10000") == Lines{});
  CHECK(daily("010") == Lines{key + "\"010\" begins with 0"});
  CHECK(daily("no") == Lines{key + "\"no\" is not a whole number"});
  CHECK(daily("1.5") == Lines{key + "\"1.5\" is not a whole number"});
  CHECK(daily("0.5") == Lines{key + "\"0.5\" is not a whole number"});
  CHECK(daily("0x10") == Lines{key + "\"0x10\" is not a whole number"});
  CHECK(daily("7d") == Lines{key + "\"7d\" is not a whole number"});
  CHECK(daily("\"7\"") == Lines{key + "is text, not a number"});
  CHECK(daily("-1") == Lines{key + "\"-1\" is out of range"});
  CHECK(daily("10001") == Lines{key + "\"10001\" is out of range"});
  CHECK(daily("99999999999999999999") == Lines{key + "\"99999999999999999999\" is out of range"});
}

TEST_CASE("sizes, slots and tail intervals are bounded", "[config]") {
  CHECK(errors_of(cluster_with("wal: { spool_limit: 5 }")) ==
        Lines{"6:25: clusters.prod.wal.spool_limit: \"5\" has no unit; hint: write a size, as 50GB or 64MiB"});
  CHECK(bare_errors_of(cluster_with("wal: { spool_limit: 5GB/s }")) ==
        Lines{"6:25: clusters.prod.wal.spool_limit: \"5GB/s\" is not a size"});
  CHECK(errors_of(cluster_with("wal: { spool_limit: 63MiB }")) ==
        Lines{"6:25: clusters.prod.wal.spool_limit: \"63MiB\" is too low; hint: write at least 64MiB"});
  CHECK(errors_of(cluster_with("wal: { slot: My-Slot }")) ==
        Lines{"6:18: clusters.prod.wal.slot: is not the name of a replication slot; hint: write 1 to 63 of a-z, 0-9 and _"});
  CHECK(bare_errors_of(cluster_with("wal: { tail_interval: 99ms }")) ==
        Lines{"6:27: clusters.prod.wal.tail_interval: is too short"});
  CHECK(errors_of(cluster_with("wal: { slot: backup_1, spool_limit: 64MiB, tail_interval: 100ms, acknowledge: repository }")) ==
        Lines{});
}

TEST_CASE("durations and rates need units", "[config]") {
  CHECK(errors_of(cluster_with("retention: { window: 7 }")) ==
        Lines{"6:26: clusters.prod.retention.window: \"7\" has no unit; hint: write 7d for days or 7h for hours"});
  CHECK(bare_errors_of(cluster_with("retention: { window: 7days }")) ==
        Lines{"6:26: clusters.prod.retention.window: \"7days\" is not a duration"});
  CHECK(bare_errors_of(cluster_with("retention: { window: 36526d }")) ==
        Lines{"6:26: clusters.prod.retention.window: \"36526d\" is too long"});
  CHECK(errors_of(cluster_with("retention: { window: 36525d }")) == Lines{});
  CHECK(bare_errors_of(cluster_with("backup: { max_rate: 50 }")) ==
        Lines{"6:25: clusters.prod.backup.max_rate: \"50\" has no unit of a rate"});
  CHECK(bare_errors_of(cluster_with("backup: { max_rate: 50MB }")) ==
        Lines{"6:25: clusters.prod.backup.max_rate: \"50MB\" has no unit of a rate"});
  CHECK(bare_errors_of(cluster_with("backup: { max_rate: 50mb/s }")) ==
        Lines{"6:25: clusters.prod.backup.max_rate: \"50mb/s\" is not a rate"});
  CHECK(errors_of(cluster_with("backup: { max_rate: 31KiB/s }")) ==
        Lines{"6:25: clusters.prod.backup.max_rate: \"31KiB/s\" is too low; hint: write at least 32KiB/s"});
  CHECK(errors_of(cluster_with("backup: { max_rate: 32KiB/s }")) == Lines{});
}

TEST_CASE("choices are listed, and the near one is suggested", "[config]") {
  CHECK(errors_of(cluster_with("backup: { checkpoint: fats }")) ==
        Lines{"6:27: clusters.prod.backup.checkpoint: \"fats\" is not one of: spread, fast; hint: did you mean \"fast\"?"});
  CHECK(errors_of(cluster_with("backup: { compression: { method: brotli } }")) ==
        Lines{"6:38: clusters.prod.backup.compression.method: \"brotli\" is not one of: zstd, lz4, none"});
  CHECK(bare_errors_of(with("alerts: { receivers: { me: { kind: fax, url: x } } }\n")) ==
        Lines{"4:36: alerts.receivers.me.kind: \"fax\" is not one of: slack, teams, discord, pagerduty, alertmanager, webhook, "
              "email"});
}

TEST_CASE("names that the user chooses become object names, and are checked", "[config]") {
  const auto named = [](const std::string& name) {
    return bare_errors_of("repositories: { main: { path: /a } }\nclusters:\n  " + name +
                          ": { connection: host=db, repository: main }\n");
  };
  CHECK(named("p") == Lines{});
  CHECK(named("0-a_b") == Lines{});
  CHECK(named(std::string(63, 'a')) == Lines{});
  CHECK(named("Prod") == Lines{"3:3: clusters.Prod: \"Prod\" is not a usable name"});
  CHECK(named("_prod") == Lines{"3:3: clusters._prod: \"_prod\" is not a usable name"});
  CHECK(named("a.b") == Lines{"3:3: clusters.a.b: \"a.b\" is not a usable name"});
  CHECK(named("../x") == Lines{"3:3: clusters.../x: \"../x\" is not a usable name"});
  CHECK(named(std::string(64, 'a')).size() == 1);
  CHECK(bare_errors_of(with("alerts: { receivers: { On: { kind: slack, url: x } } }\n")) ==
        Lines{"4:24: alerts.receivers.On: \"On\" is not a usable name"});
}

TEST_CASE("all problems are told at once, in the order of the file", "[config]") {
  CHECK(bare_errors_of("repositories:\n"
                       "  main: { pth: /srv/backup }\n"
                       "clusters:\n"
                       "  prod:\n"
                       "    connection: host=db\n"
                       "    repository: mian\n"
                       "    retention: { daily: 010, window: 7 }\n"
                       "  Prod: {}\n"
                       "metrics: { listen: nowhere }\n"
                       "extra: 1\n") ==
        Lines{"2:3: repositories.main: has neither \"path\" nor \"url\"", "2:11: repositories.main.pth: unknown key",
              "6:17: clusters.prod.repository: there is no repository \"mian\"",
              "7:25: clusters.prod.retention.daily: \"010\" begins with 0",
              "7:38: clusters.prod.retention.window: \"7\" has no unit", "8:3: clusters.Prod: \"Prod\" is not a usable name",
              "9:20: metrics.listen: \"nowhere\" is not an address and a port", "10:1: extra: unknown key"});
}

TEST_CASE("what is not YAML, or not one section, is one problem with its place", "[config]") {
  CHECK(bare_errors_of("") == Lines{"1:1: the configuration is empty"});
  CHECK(bare_errors_of("# nothing\n") == Lines{"1:1: the configuration is empty"});
  CHECK(bare_errors_of("- a\n") == Lines{"1:1: the configuration is a list, not a section"});
  CHECK(bare_errors_of("word\n") == Lines{"1:1: the configuration is a single value, not a section"});
  CHECK(bare_errors_of("repositories: {\n") == Lines{"1:16: not valid YAML: end of map flow not found"});
  CHECK(bare_errors_of("a: 1\n b: 2\n") == Lines{"2:3: not valid YAML: illegal map value"});
  CHECK(bare_errors_of("spool: \"a\n") == Lines{"1:10: not valid YAML: illegal EOF in scalar"});
  CHECK(bare_errors_of("a: 1\nb: [\"ä\",\n\n") == Lines{"2:9: not valid YAML: end of sequence flow not found"});
  CHECK(bare_errors_of("a: 1\nb: \xC3\xA4\xFF\n") == Lines{"2:5: the file is not UTF-8 here"});
  CHECK(bare_errors_of("a: 1\nb: \x04\n") == Lines{"2:4: there is a control character here"});
  CHECK(bare_errors_of("? [a, b]\n: 1\n") == Lines{"1:3: a key must be text"});
  CHECK(bare_errors_of("~: 1\n") == Lines{"1:1: a key must be text"});
  CHECK(bare_errors_of("spool: !!int 5\n") == Lines{"1:8: tags are not supported"});
  CHECK(bare_errors_of("spool: *nowhere\n").size() == 1);
  CHECK(bare_errors_of(with("--- \nspool: /a\n")).front().find("a second document begins here") != std::string::npos);
}

TEST_CASE("aliases repeat a section, and cannot grow without bound", "[config]") {
  const Config config = config_of(
      "repositories: { main: { path: /a } }\n"
      "clusters:\n"
      "  a: { connection: host=a, repository: main, retention: &keep { daily: 3 } }\n"
      "  b: { connection: host=b, repository: main, retention: *keep }\n");
  CHECK(config.clusters.at("b").retention.daily == 3);

  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) {
      laughs += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    }
    laughs += "]\n";
  }
  REQUIRE(bare_errors_of(laughs).size() == 1);
  CHECK(bare_errors_of(laughs).front().find("the file is too big") != std::string::npos);
  CHECK(bare_errors_of("a: &a [*a]\n").front().find("stands inside what it refers to") != std::string::npos);
  CHECK(bare_errors_of("a: " + std::string(33, '[') + std::string(33, ']')).front().find("nested too deeply") !=
        std::string::npos);
  CHECK(bare_errors_of("a: " + std::string(100'000, '[')).size() == 1);
}

TEST_CASE("long and odd keys are shown in one short line", "[config]") {
  const Lines errors = errors_of(with(std::string(500, 'k') + ": 1\n\"a\\nb\": 2\n"));
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].size() < 200);
  CHECK(errors[1].starts_with("5:1: a?b: unknown key"));
}

TEST_CASE("loading throws one error that lists every problem", "[config]") {
  const Directory directory;
  const std::string path = directory.path("pgrecall.yaml");
  write_text(path, with("extra: 1\nspool:\n"));
  try {
    (void)load_config(path);
    FAIL("loaded");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(
        error.message() ==
        path +
            ":4:1: extra: unknown key; hint: keys here: repositories, clusters, alerts, metrics, daemon, log, spool, scratch\n" +
            path + ":5:1: spool: has no value; hint: give it one (path), or remove the key");
    CHECK_FALSE(error.hint().empty());
  }
  write_text(path, minimal);
  CHECK(load_config(path).config.clusters.contains("prod"));
  CHECK(load_config(path).file == path);
}

TEST_CASE("a file that cannot be read is a configuration error too", "[config]") {
  const Directory directory;
  const auto kind_of = [](const std::string& path) {
    try {
      (void)check_config(path);
    } catch (const Error& error) {
      CHECK_FALSE(error.hint().empty());
      CHECK(error.context("path") == path);
      return error.kind();
    }
    return ErrorKind::failed;
  };
  CHECK(kind_of(directory.path("absent.yaml")) == ErrorKind::configuration);
  CHECK(kind_of(directory.path()) == ErrorKind::configuration);
  write_text(directory.path("big.yaml"), "# " + std::string(1U << 20U, 'x'));
  CHECK(kind_of(directory.path("big.yaml")) == ErrorKind::configuration);
}

}  // namespace problems_test
