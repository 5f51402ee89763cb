#include <catch2/catch.hpp>

#include "unit/config/fixture.h"

namespace effective_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

TEST_CASE("the defaults are those that the documentation promises", "[config]") {
  const Config config = config_of(minimal);
  const ClusterConfig& cluster = config.clusters.at("prod");
  CHECK(config.repositories.at("main").directory == "/srv/backup");
  CHECK_FALSE(config.repositories.at("main").sealed());
  CHECK(cluster.connection.reveal() == "host=db");
  CHECK_FALSE(cluster.password.configured());
  CHECK(cluster.repository == "main");
  CHECK(cluster.schedule.timezone == "UTC");
  CHECK(cluster.schedule.daily == "30 2 * * *");
  CHECK(cluster.schedule.weekly == "30 3 * * 0");
  CHECK(cluster.schedule.monthly == "30 4 1 * *");
  CHECK(cluster.retention.daily == 7);
  CHECK(cluster.retention.weekly == 5);
  CHECK(cluster.retention.monthly == 12);
  CHECK(cluster.retention.window == 168h);
  CHECK(cluster.backup.compression.method == CompressionConfig::Method::zstd);
  CHECK(cluster.backup.compression.level == 1);
  CHECK_FALSE(cluster.backup.max_rate.has_value());
  CHECK_FALSE(cluster.backup.checkpoint.has_value());
  CHECK(cluster.wal.acknowledge == WalConfig::Acknowledge::spool);
  CHECK(cluster.wal.tail_interval == 10s);
  CHECK(cluster.wal.spool_limit == 16ULL << 30U);
  CHECK_FALSE(cluster.wal.slot.has_value());
  CHECK(default_slot("prod-1") == "pgrecall_prod_1");
  CHECK(default_slot(std::string(63, 'a')).size() == 63);
  CHECK(cluster.parallel.workers == 3);
  CHECK(cluster.parallel.uploads == 2);
  CHECK(config.alerts.receivers.empty());
  CHECK(config.metrics.listen == "127.0.0.1:9754");
  CHECK(config.spool == "/var/lib/pgrecall/spool");
}

TEST_CASE("every key of a full file arrives", "[config]") {
  const Config config = config_of(
      "repositories:\n"
      "  main: { path: /srv/backup/, key_file: keys/main }\n"
      "  second: { url: file:///srv/second, passphrase_file: /p }\n"
      "  third: { path: third, passphrase_env: P }\n"
      "  fourth: { path: /srv/x/../fourth, passphrase_credential: c }\n"
      "  fifth: { path: /fifth, passphrase: open }\n"
      "clusters:\n"
      "  prod:\n"
      "    connection: service=prod\n"
      "    password_file: prod.password\n"
      "    repository: second\n"
      "    schedule: { timezone: Europe/Berlin, daily: \"1 2 * * *\", weekly: \"3 4 * * 5\", monthly: never }\n"
      "    retention: { daily: 1, weekly: 2, monthly: 3, window: 36h }\n"
      "    backup: { compression: { method: lz4, level: 9 }, max_rate: 50MB/s, checkpoint: spread }\n"
      "    parallel: { workers: 8, uploads: 4 }\n"
      "  env: { connection: host=a, password_env: A, repository: main, backup: { compression: { method: none }, checkpoint: fast "
      "} }\n"
      "  credential: { connection: host=a, password_credential: c, repository: main }\n"
      "  literal: { connection: host=a, password: open, repository: main }\n"
      "alerts: { receivers: { a: { kind: slack, url_file: hook }, b: { kind: slack, url_env: B }, c: { kind: slack, "
      "url_credential: c },\n"
      "  d: { kind: slack, url: \"https://example.com\" } } }\n"
      "metrics: { listen: \"[::1]:1\", tls_certificate: tls/cert, tls_key: tls/key, username: prometheus, password_file: scrape "
      "}\n"
      "spool: /spool\n");
  const auto& repositories = config.repositories;
  CHECK(repositories.at("main").directory == "/srv/backup");
  CHECK(repositories.at("main").key_file == "/etc/keys/main");
  CHECK(repositories.at("main").sealed());
  CHECK(repositories.at("second").directory == "/srv/second");
  CHECK(repositories.at("second").passphrase.file == "/p");
  CHECK(repositories.at("third").directory == "/etc/third");
  CHECK(repositories.at("third").passphrase.environment == "P");
  CHECK(repositories.at("third").sealed());
  CHECK(repositories.at("fourth").directory == "/srv/fourth");
  CHECK(repositories.at("fourth").passphrase.credential == "c");
  CHECK(repositories.at("fifth").passphrase.literal->reveal() == "open");

  const ClusterConfig& prod = config.clusters.at("prod");
  CHECK(prod.connection.reveal() == "service=prod");
  CHECK(prod.password.file == "/etc/prod.password");
  CHECK(prod.repository == "second");
  CHECK(prod.schedule.timezone == "Europe/Berlin");
  CHECK(prod.schedule.daily == "1 2 * * *");
  CHECK(prod.schedule.weekly == "3 4 * * 5");
  CHECK(prod.schedule.monthly == "never");
  CHECK(prod.retention.daily == 1);
  CHECK(prod.retention.weekly == 2);
  CHECK(prod.retention.monthly == 3);
  CHECK(prod.retention.window == 36h);
  CHECK(prod.backup.compression.method == CompressionConfig::Method::lz4);
  CHECK(prod.backup.compression.level == 9);
  CHECK(prod.backup.max_rate == 50'000'000U);
  CHECK(prod.backup.checkpoint == BackupConfig::Checkpoint::spread);
  CHECK(prod.parallel.workers == 8);
  CHECK(prod.parallel.uploads == 4);
  CHECK(config.clusters.at("env").password.environment == "A");
  CHECK(config.clusters.at("env").backup.checkpoint == BackupConfig::Checkpoint::fast);
  CHECK(config.clusters.at("env").backup.compression.method == CompressionConfig::Method::none);
  CHECK(config.clusters.at("credential").password.credential == "c");
  CHECK(config.clusters.at("literal").password.literal->reveal() == "open");

  const auto& receivers = config.alerts.receivers;
  CHECK(receivers.at("a").url.file == "/etc/hook");
  CHECK(receivers.at("b").url.environment == "B");
  CHECK(receivers.at("c").url.credential == "c");
  CHECK(receivers.at("d").url.literal->reveal() == "https://example.com");
  CHECK(config.metrics.listen == "[::1]:1");
  CHECK(config.metrics.tls_certificate == "/etc/tls/cert");
  CHECK(config.metrics.tls_key == "/etc/tls/key");
  CHECK(config.metrics.username == "prometheus");
  CHECK(config.metrics.password.file == "/etc/scrape");
  CHECK(config_of(std::string(minimal) + "metrics: { listen: off }\n").metrics.listen == "off");
  CHECK(config.spool == "/spool");
}

TEST_CASE("the effective configuration is shown with its defaults and types", "[config]") {
  const auto json = to_json(config_of(minimal));
  CHECK(json["repositories"]["main"]["path"] == "/srv/backup");
  CHECK(json["clusters"]["prod"]["retention"]["daily"] == 7);
  CHECK(json["clusters"]["prod"]["retention"]["daily"].is_number_integer());
  CHECK(json["clusters"]["prod"]["retention"]["window"] == "7d");
  CHECK(json["clusters"]["prod"]["backup"]["compression"]["method"] == "zstd");
  CHECK_FALSE(json["clusters"]["prod"]["backup"].contains("max_rate"));
  CHECK(json["alerts"]["receivers"].empty());
  CHECK(to_yaml(config_of(minimal)).find("        method: zstd\n        level: 1\n") != std::string::npos);
}

TEST_CASE("what is shown as YAML is a configuration that means the same", "[config]") {
  const std::vector<std::string> more{"",
                                      "retention: { window: 1h30m }",
                                      "retention: { window: 90s }",
                                      "retention: { window: 0s }",
                                      "retention: { window: 1w1d1ms }",
                                      "backup: { compression: { method: none } }",
                                      "backup: { max_rate: 1.5MiB/s, checkpoint: fast }",
                                      "backup: { max_rate: 1000001B/s }",
                                      "schedule: { daily: never, weekly: \"*/5 * * * *\" }",
                                      "schedule: { off_peak: 22:00-06:30, not_after: 6h, spread: 10m, catch_up: none }",
                                      "password_file: \"/with space: and # marks/'\\\"ä\"",
                                      "password_file: /123"};
  for (const std::string& line : more) {
    const std::string yaml =
        "repositories: { main: { path: \"/a b\" }, \"007\": { path: /7 }, no: { path: /n } }\nclusters:\n  prod:\n    "
        "connection: "
        "\"host='a b'\"\n    repository: main\n    " +
        line + "\n";
    INFO(yaml);
    const Config first = config_of(yaml);
    const std::string shown = to_yaml(first);
    INFO(shown);
    const Config second = config_of(shown);
    CHECK(to_json(second) == to_json(first));
    CHECK(second.clusters.at("prod").retention.window == first.clusters.at("prod").retention.window);
    CHECK(second.clusters.at("prod").backup.max_rate == first.clusters.at("prod").backup.max_rate);
  }
}

TEST_CASE("problems are values with the place apart", "[config]") {
  const auto check = check_config_text(std::string(minimal) + "extra: 1\n", "/etc/test.yaml");
  const auto json = to_json(check.errors);
  REQUIRE(json.size() == 1);
  CHECK(json[0].dump() == R"({"file":"/etc/test.yaml","line":4,"column":1,"key":"extra","problem":"unknown key",)"
                          R"("hint":"keys here: repositories, clusters, alerts, metrics, daemon, log, spool, scratch"})");
}

}  // namespace effective_test
