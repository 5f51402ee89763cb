#include <algorithm>
#include <catch2/catch.hpp>

#include "unit/config/fixture.h"

namespace combinations_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Lines = std::vector<std::string>;

namespace {
// Line 3 is the repository, line 6 the cluster.
std::string of(const std::string& repository, const std::string& cluster = "connection: host=db", const std::string& rest = {}) {
  return "repositories:\n  other: { path: /srv/other }\n  main: { " + repository +
         " }\nclusters:\n\n  prod: { repository: main, " + cluster + " }\n" + rest;
}
}  // namespace

TEST_CASE("a repository has one address", "[config]") {
  CHECK(bare_errors_of(of("key_file: /k")) == Lines{"3:3: repositories.main: has neither \"path\" nor \"url\""});
  CHECK(bare_errors_of(of("path: /a, url: file:///a")) == Lines{"3:26: repositories.main.url: stands beside \"path\""});
  CHECK(bare_errors_of(of("path: /srv/other")) ==
        Lines{"2:18: repositories.other.path: is the same directory as that of \"main\""});
  CHECK(bare_errors_of(of("url: \"file:///srv/oth%65r\"")) ==
        Lines{"2:18: repositories.other.path: is the same directory as that of \"main\""});
}

TEST_CASE("URLs that do not work yet, or never, say so", "[config]") {
  CHECK(errors_of(of("url: \"s3://bucket/prefix\"")) == Lines{"3:16: repositories.main.url: s3:// repositories are not supported "
                                                              "yet; hint: use a directory for now (path: /srv/backup)"});
  CHECK(bare_errors_of(of("url: \"ftp://x/y\"")) == Lines{"3:16: repositories.main.url: is not the URL of a repository"});
  CHECK(bare_errors_of(of("url: \"file://host/y\"")) ==
        Lines{"3:16: repositories.main.url: names a host, but file URLs here are local and absolute"});
  CHECK(bare_errors_of(of("url: \"file:///a%4\"")) ==
        Lines{"3:16: repositories.main.url: has a % that no two hexadecimal digits follow"});
}

TEST_CASE("a repository is opened by one key", "[config]") {
  CHECK(bare_errors_of(of("path: /a, key_file: /k, passphrase_env: P")) ==
        Lines{"3:51: repositories.main.passphrase_env: stands beside \"key_file\""});
  CHECK(bare_errors_of(of("path: /a, passphrase_env: P, passphrase_file: /f")) ==
        Lines{"3:37: repositories.main.passphrase_env: stands beside \"passphrase_file\""});
}

TEST_CASE("temporary files do not go into a repository", "[config]") {
  CHECK(bare_errors_of(of("path: /a", "connection: host=db", "spool: /a/tmp\n")) ==
        Lines{"7:8: spool: temporary files (/a/tmp) would lie in repository \"main\""});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db", "spool: /ab\n")) == Lines{});
  CHECK(bare_errors_of(of("path: /var/lib/pgrecall")) ==
        Lines{"3:17: repositories.main.path: temporary files (/var/lib/pgrecall/spool) would lie in repository \"main\""});
}

TEST_CASE("a companion is a path or what a command writes", "[config]") {
  const auto errors = [](const std::string& companion) {
    return bare_errors_of(of("path: /srv/a", "connection: host=db, companions: { c: { " + companion + " } }"));
  };
  CHECK(errors("path: /etc/x") == Lines{});
  CHECK(errors("command: [ssh, -o, A, -o, B, \"-\"], format: tar") == Lines{});
  CHECK(errors("command: [cat, /k], file: k, max_size: 1MiB, time_limit: 1s") == Lines{});
  CHECK(errors("max_size: 1MiB") == Lines{"6:64: clusters.prod.companions.c: has neither \"path\" nor \"command\""});
  const auto one = [&](const std::string& companion) {
    const Lines found = errors(companion);
    REQUIRE(found.size() == 1);
    return found.front().substr(found.front().find(".c.") + 3);
  };
  CHECK(one("path: /x, command: [cat, /x]") == "command: stands beside \"path\"");
  CHECK(one("path: /x, file: y") == "file: is about what a command writes, and there is none");
  CHECK(one("path: /x, format: tar") == "format: is about what a command writes, and there is none");
  CHECK(one("command: [a], file: b/c") == "file: \"b/c\" is not the name of a file");
  CHECK(one("command: [a], file: ..") == "file: \"..\" is not the name of a file");
  CHECK(one("command: [a], file: b, format: tar") == "file: stands beside \"format: tar\"");
  CHECK(one("command: [a], time_limit: 999ms") == "time_limit: is too short");
  CHECK(one("command: []") == "command: is an empty list");
  CHECK(one("path: /srv/a") == "path: and repository \"main\" lie in each other");
  CHECK(one("path: /srv/a/x") == "path: and repository \"main\" lie in each other");
  CHECK(errors("path: /srv/ab") == Lines{});
}

TEST_CASE("a hosted project's backups have no companions", "[config]") {
  const Lines errors =
      bare_errors_of(of("path: /a",
                        "connection: host=db, kind: supabase-hosted, supabase: { project: abcdefghijklmnopqrst }, "
                        "companions: { c: { path: /x } }"));
  REQUIRE(errors.size() == 1);
  CHECK(errors.front().find("clusters.prod.companions: are not kept") != std::string::npos);
}

TEST_CASE("the words of a companion's command stay as they are, also twice", "[config]") {
  const Config config =
      config_of(of("path: /a", "connection: host=db, companions: { c: { command: [ssh, -o, A, -o, A, \"-\", ./x] } }"));
  CHECK(config.clusters.at("prod").companions.at("c").command == Lines{"ssh", "-o", "A", "-o", "A", "-", "./x"});
}

TEST_CASE("the daemon's state does not go into a repository", "[config]") {
  CHECK(bare_errors_of(of("path: /a", "connection: host=db", "daemon: { state: /a/state }\n")) ==
        Lines{"7:18: daemon.state: the daemon's state (/a/state) would lie in repository \"main\""});
}

TEST_CASE("a schedule leaves time to start", "[config]") {
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, schedule: { not_after: 59s }")) ==
        Lines{"6:73: clusters.prod.schedule.not_after: is too short"});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, schedule: { not_after: 10m, spread: 10m }")) ==
        Lines{"6:73: clusters.prod.schedule.not_after: is not longer than spread"});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, schedule: { not_after: 11m, spread: 10m }")) == Lines{});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, schedule: { retry_after: 0s }")) ==
        Lines{"6:75: clusters.prod.schedule.retry_after: is too short"});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, schedule: { retry_after: 0s, retries: 0 }")) == Lines{});
}

TEST_CASE("a schedule without any backup is warned of", "[config]") {
  const auto warnings = [](const std::string& schedule) {
    return warnings_of(of("path: /a", "connection: host=db, schedule: { " + schedule + " }"));
  };
  CHECK(
      warnings("daily: never, weekly: never, monthly: never") ==
      Lines{"6:69: clusters.prod.schedule.daily: no backup is ever taken by schedule; hint: give a time to one of daily, weekly "
            "and monthly"});
  CHECK(warnings("daily: never, weekly: never").empty());
}

TEST_CASE("two clusters with one slot are warned of", "[config]") {
  const auto warnings = [](const std::string& others) {
    return warnings_of(of("path: /a", "connection: host=db") + "  a-b: { repository: other, connection: host=x }\n" + others);
  };
  CHECK(
      warnings("  a_b: { repository: other, connection: host=x }\n") ==
      Lines{
          "8:3: clusters.a_b: receives by the slot pgrecall_a_b of cluster a-b, from the same server; hint: name another slot by "
          "wal.slot"});
  CHECK(warnings("  a_b: { repository: other, connection: host=y }\n").empty());
  CHECK(warnings("  a_b: { repository: other, connection: host=x, wal: { slot: mine } }\n").empty());
  CHECK(warnings("  c: { repository: other, connection: host=x, wal: { slot: pgrecall_a_b } }\n").size() == 1);
}

TEST_CASE("the control socket's path fits a socket", "[config]") {
  const auto errors = [](std::size_t length) {
    return bare_errors_of(of("path: /a", "connection: host=db", "daemon: { socket: /" + std::string(length - 1, 's') + " }\n"));
  };
  CHECK(errors(107) == Lines{});
  CHECK(errors(108) == Lines{"7:19: daemon.socket: is 108 bytes long, and no socket's path may have more than 107"});
}

TEST_CASE("a span of the day is two times of day", "[config]") {
  for (const auto* good : {"22:00-06:00", "00:00-23:59"}) {
    CHECK(bare_errors_of(of("path: /a", std::string("connection: host=db, schedule: { off_peak: ") + good + " }")) == Lines{});
  }
  for (const auto* bad : {"22:00", "22-06", "24:00-06:00", "06:60-07:00", "06:00-06:00", "6:00-07:00", "06:00-07:00-08:00"}) {
    const auto errors = errors_of(of("path: /a", std::string("connection: host=db, schedule: { off_peak: ") + bad + " }"));
    REQUIRE(errors.size() == 1);
    CHECK(errors[0] == std::string("6:72: clusters.prod.schedule.off_peak: \"") + bad +
                           "\" is no span of the day; hint: write two different times of day, as 22:00-06:00");
  }
}

TEST_CASE("a cluster's repository exists", "[config]") {
  CHECK(errors_of("repositories: { main: { path: /a } }\nclusters: { prod: { connection: host=db, repository: mian } }\n") ==
        Lines{"2:54: clusters.prod.repository: there is no repository \"mian\"; hint: did you mean \"main\"?"});
  CHECK(errors_of("repositories: { main: { path: /a } }\nclusters: { prod: { connection: host=db, repository: elsewhere } }\n") ==
        Lines{"2:54: clusters.prod.repository: there is no repository \"elsewhere\"; hint: there are: main"});
}

TEST_CASE("a password comes from one place", "[config]") {
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, password_env: A, password_file: /b")) ==
        Lines{"6:64: clusters.prod.password_env: stands beside \"password_file\""});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db password=x, password_env: A")) ==
        Lines{"6:41: clusters.prod.connection: has a password, and another is configured beside it"});
}

TEST_CASE("connections are what libpq takes", "[config]") {
  const auto connection = [](const std::string& text) { return errors_of(of("path: /a", "connection: \"" + text + "\"")); };
  const std::string key = "6:41: clusters.prod.connection: ";
  CHECK(connection("host=db user=pgrecall dbname=postgres sslmode=verify-full") == Lines{});
  CHECK(connection("postgresql://pgrecall@a,b:5433/postgres?target_session_attrs=primary") == Lines{});
  CHECK(connection("service=prod") == Lines{});
  CHECK(connection("hots=db") == Lines{key + "libpq knows no connection option \"hots\"; hint: did you mean \"host\"?"});
  CHECK(connection("db.example.com").front().starts_with(key + "is not a libpq connection string or URI"));
  CHECK(connection("host=db replication=true") ==
        Lines{key + "sets \"replication\", which pgrecall sets itself; hint: leave it out"});
}

TEST_CASE("compression levels fit the method", "[config]") {
  const auto compression = [](const std::string& text) {
    return bare_errors_of(of("path: /a", "connection: host=db, backup: { compression: { " + text + " } }"));
  };
  const std::string key = "clusters.prod.backup.compression.level: ";
  CHECK(compression("method: zstd, level: -7") == Lines{});
  CHECK(compression("method: zstd, level: 19") == Lines{});
  CHECK(compression("method: lz4, level: 12") == Lines{});
  CHECK(compression("method: none") == Lines{});
  CHECK(compression("level: 20") == Lines{"6:82: " + key + "\"20\" is out of range"});
  CHECK(compression("method: lz4, level: 13") == Lines{"6:95: " + key + "\"13\" is out of range for lz4"});
  CHECK(compression("method: lz4, level: 0") == Lines{"6:95: " + key + "\"0\" is out of range for lz4"});
  CHECK(compression("method: none, level: 1") == Lines{"6:96: " + key + "means nothing without compression"});
}

TEST_CASE("a retention keeps something", "[config]") {
  const auto retention = [](const std::string& text) {
    return bare_errors_of(of("path: /a", "connection: host=db, retention: { " + text + " }"));
  };
  CHECK(retention("daily: 0, weekly: 0, monthly: 0, window: 0s") == Lines{"6:50: clusters.prod.retention: keeps nothing"});
  CHECK(retention("daily: 0, weekly: 0, monthly: 1, window: 0s") == Lines{});
  CHECK(retention("daily: 0, weekly: 0, monthly: 0") == Lines{});
}

TEST_CASE("a receiver has one address", "[config]") {
  const auto receiver = [](const std::string& text) {
    return bare_errors_of(of("path: /a", "connection: host=db", "alerts: { receivers: { me: { " + text + " } } }\n"));
  };
  CHECK(receiver("kind: slack") == Lines{"7:24: alerts.receivers.me: has no address"});
  CHECK(receiver("url: x") == Lines{"7:24: alerts.receivers.me: has no \"kind\""});
  CHECK(receiver("kind: slack, url: x") == Lines{});
  CHECK(receiver("kind: slack, url_file: x, url_credential: y") ==
        Lines{"7:72: alerts.receivers.me.url_credential: stands beside \"url_file\""});
}

TEST_CASE("targets are such that they can be met", "[config]") {
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, targets: { rpo: 9s, wal_interruption: 999ms }")) ==
        Lines{"6:66: clusters.prod.targets.rpo: is too short", "6:88: clusters.prod.targets.wal_interruption: is too short"});
  CHECK(bare_errors_of(of("path: /a", "connection: host=db, targets: { rpo: 15s, backup_max_age: 1s }")) == Lines{});
}

TEST_CASE("how old a backup may become follows from its schedule", "[config]") {
  using namespace std::chrono_literals;
  ScheduleConfig schedule;
  CHECK(scheduled_backup_max_age(schedule) == 26h);
  schedule.timezone = "Europe/Berlin";  // where a day of autumn has 25 hours
  schedule.weekly = "never";
  schedule.spread = 30min;
  CHECK(scheduled_backup_max_age(schedule) == 27h + 30min);
  schedule = {};
  schedule.daily = "never";
  CHECK(scheduled_backup_max_age(schedule) == 7 * 24h + 2h);
  schedule.weekly = "never";
  CHECK(scheduled_backup_max_age(schedule) == 31 * 24h + 2h);
  schedule.monthly = "never";
  CHECK_FALSE(scheduled_backup_max_age(schedule));
}

TEST_CASE("the listener's keys come in pairs", "[config]") {
  const auto metrics = [](const std::string& text) {
    return bare_errors_of(of("path: /a", "connection: host=db", "metrics: { " + text + " }\n"));
  };
  CHECK(metrics("tls_certificate: c, tls_key: k, username: u, password_env: P") == Lines{});
  CHECK(metrics("tls_certificate: c") == Lines{"7:29: metrics.tls_certificate: needs \"tls_key\" beside it"});
  CHECK(metrics("tls_key: k") == Lines{"7:21: metrics.tls_key: needs \"tls_certificate\" beside it"});
  CHECK(metrics("username: u") == Lines{"7:22: metrics.username: has no password beside it"});
  CHECK(metrics("password_env: P") == Lines{"7:1: metrics: has a password, and no username"});
  CHECK(metrics("username: \"a:b\", password_env: P") == Lines{"7:22: metrics.username: has a colon in it"});
  CHECK(metrics("username: u, password_env: P, password: x") == Lines{"7:39: metrics.password_env: stands beside \"password\""});
}

TEST_CASE("a listener that others reach is warned of, until it has a password and TLS", "[config]") {
  const Variable password("P", "x");
  const auto listening = [](const std::string& text) {
    const std::vector<std::string> all = warnings_of(
        "repositories: { main: { path: /a } }\nclusters: { prod: { connection: host=db, repository: main } }\n"
        "metrics: { listen: " +
        text + " }\n");
    return std::count_if(all.begin(), all.end(),
                         [](const std::string& line) { return line.starts_with("3:20: metrics.listen:"); });
  };
  CHECK(listening("\"127.0.0.1:9754\"") == 0);
  CHECK(listening("\"[::1]:9754\"") == 0);
  CHECK(listening("off") == 0);
  CHECK(listening("\"0.0.0.0:9754\"") == 2);
  CHECK(listening("\"[::]:9754\", username: u, password_env: P") == 1);
  CHECK(listening("\"10.0.0.1:9754\", tls_certificate: c, tls_key: k") == 1);
  CHECK(listening("\"10.0.0.1:9754\", tls_certificate: c, tls_key: k, username: u, password_env: P") == 0);
}

}  // namespace combinations_test
