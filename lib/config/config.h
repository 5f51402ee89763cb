#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "config/alerts_config.h"
#include "config/problem.h"
#include "config/secret_source.h"
#include "schedule/off_peak.h"

// The typed configuration. What each key means, its type and its default is said once, in keys.cpp; reading, the JSON Schema,
// dumps and the key table of docs/configuration.md all follow from there. Plain values; safe to read by many threads.

namespace pgrecall {

struct RepositoryConfig {
  std::optional<std::string> path;  // absolute; one of path and url is set
  std::optional<std::string> url;
  std::optional<std::string> key_file;  // absolute path; need not exist before `repo init`
  SecretSource passphrase;
  unsigned parallel_runs = 1;  // of the daemon, at the same time
  std::string directory;       // absolute: what path or url stand for

  // Whether the configuration names a key, so that `repo init` seals.
  [[nodiscard]] bool sealed() const noexcept { return key_file || passphrase.configured(); }
};

struct ScheduleConfig {
  enum class CatchUp { once, none };
  std::string timezone = "UTC";
  // Five-field cron expressions in `timezone`, or "never".
  std::string daily = "30 2 * * *";
  std::string weekly = "30 3 * * 0";
  std::string monthly = "30 4 1 * *";
  std::string verify = "30 6 * * 6";
  std::string drill = "30 6 * * 0";
  std::string expire = "0 8 * * *";
  std::string check = "45 * * * *";
  CatchUp catch_up = CatchUp::once;
  std::chrono::milliseconds spread{};
  std::optional<std::chrono::milliseconds> not_after;
  std::optional<OffPeak> off_peak;  // in `timezone`
  unsigned retries = 2;
  std::chrono::milliseconds retry_after = std::chrono::minutes(10);
};

struct RetentionConfig {
  unsigned daily = 7;     // backups
  unsigned weekly = 5;    // backups
  unsigned monthly = 12;  // backups
  std::chrono::milliseconds window = std::chrono::hours(7 * 24);
};

struct CompressionConfig {
  enum class Method { zstd, lz4, none };
  Method method = Method::zstd;
  int level = 1;  // zstd: -7 to 19; lz4: 1 to 12
};

struct BackupConfig {
  enum class Checkpoint { spread, fast };
  CompressionConfig compression;
  std::optional<std::uint64_t> max_rate;  // bytes per second
  std::optional<Checkpoint> checkpoint;   // unset: spread when scheduled, fast when manual
};

struct WalConfig {
  // What must have happened to WAL before the server is told that it is safe here.
  enum class Acknowledge { spool, repository };
  Acknowledge acknowledge = Acknowledge::spool;
  std::chrono::milliseconds tail_interval = std::chrono::seconds(10);
  std::uint64_t spool_limit = std::uint64_t{16} << 30U;  // bytes
  std::optional<std::string> slot;                       // unset: default_slot()
};

struct ParallelConfig {
  unsigned workers = 3;
  unsigned uploads = 2;
};

struct VerifyConfig {
  std::optional<std::string> budget;  // a size or a duration; unset: everything is read
};

// What somebody wants to know of a cluster that was brought back.
struct DrillQueryConfig {
  std::string database = "postgres";
  std::string query;
  std::string expect = "true";  // base/expectation.h
};

struct DrillConfig {
  std::chrono::milliseconds budget = std::chrono::minutes(30);
  std::vector<std::string> binaries;   // directories, absolute
  std::vector<std::string> libraries;  // shared_preload_libraries of the copy
  bool canary = false;
  std::map<std::string, DrillQueryConfig> queries;
};

// What is promised for a cluster: what falls short of it is an alert.
struct TargetsConfig {
  std::chrono::milliseconds rpo = std::chrono::minutes(5);
  std::optional<std::chrono::milliseconds> backup_max_age;  // unset: scheduled_backup_max_age()
  std::chrono::milliseconds wal_interruption = std::chrono::minutes(5);
  std::uint64_t slot_retained = std::uint64_t{10} << 30U;  // bytes
  std::chrono::milliseconds drill_max_age = std::chrono::hours(15 * 24);
};

// The platform of a hosted cluster, and what lets us ask it.
struct SupabaseConfig {
  std::optional<std::string> project;                        // its ref: 20 lower-case letters
  SecretSource token;                                        // of the Management API; not configured: the platform is not watched
  std::optional<std::chrono::milliseconds> promised_window;  // of its recovery to any moment; unset: none is promised
  std::chrono::milliseconds poll_interval = std::chrono::minutes(5);
  std::string api = "https://api.supabase.com";  // without a slash at its end
  std::optional<std::string> ca_file;            // absolute; unset: the system's certificates
};

// Files from outside of the database that are kept with each of its backups. One of path and command is set.
struct CompanionConfig {
  enum class Format { file, tar };
  std::optional<std::string> path;   // absolute
  std::vector<std::string> command;  // program and arguments
  Format format = Format::file;
  std::optional<std::string> file;
  std::uint64_t max_size = std::uint64_t{256} << 20U;  // bytes
  std::chrono::milliseconds time_limit = std::chrono::minutes(2);
};

struct ClusterConfig {
  // What is known of the server beforehand. supabase: Supabase's own image, self-hosted (docs/supabase.md).
  enum class Flavor { postgresql, supabase };
  // supabase_hosted gives no physical access: its backups are logical, and its platform keeps its own.
  enum class Kind { postgresql, supabase_hosted };
  Kind kind = Kind::postgresql;
  SupabaseConfig supabase;
  Secret connection;  // conninfo string or URI; may hold a password
  SecretSource password;
  std::string repository;  // a name in Config::repositories
  Flavor flavor = Flavor::postgresql;
  ScheduleConfig schedule;
  RetentionConfig retention;
  BackupConfig backup;
  WalConfig wal;
  ParallelConfig parallel;
  VerifyConfig verify;
  DrillConfig drill;
  TargetsConfig targets;
  std::map<std::string, CompanionConfig> companions;
};

// The HTTP listener: metrics, probes and the status page.
struct MetricsConfig {
  std::string listen = "127.0.0.1:9754";       // address:port, or "off"
  std::optional<std::string> tls_certificate;  // absolute path, PEM; set together with tls_key
  std::optional<std::string> tls_key;          // absolute path, PEM
  std::optional<std::string> username;         // set together with password
  SecretSource password;
};

struct DaemonConfig {
  std::string socket = "/run/pgrecall/pgrecall.sock";  // absolute
  std::optional<std::string> socket_group;             // unset: the daemon's own
  std::string state = "/var/lib/pgrecall/state";       // absolute; a directory
  unsigned parallel_runs = 2;
  std::chrono::milliseconds drain_limit = std::chrono::minutes(5);
};

struct LogConfig {
  enum class Format { automatic, text, json };
  enum class Level { debug, info, warning, error };
  Format format = Format::automatic;
  Level level = Level::info;
};

struct Config {
  std::map<std::string, RepositoryConfig> repositories;
  std::map<std::string, ClusterConfig> clusters;
  AlertsConfig alerts;
  MetricsConfig metrics;
  DaemonConfig daemon;
  LogConfig log;
  std::string spool = "/var/lib/pgrecall/spool";      // absolute; for received WAL and temporary files
  std::string scratch = "/var/lib/pgrecall/scratch";  // absolute; for the copies of drills
};

// The replication slot of a cluster whose configuration names none: slots may not have a '-'.
[[nodiscard]] std::string default_slot(std::string_view cluster);

// How old the newest backup may become where targets.backup_max_age says nothing: the longest pause between two backups of the
// schedule within a year, its spread, and two hours for the backup itself. Nothing where no backup is scheduled. Walks through
// the schedule: to be kept, not asked for again and again.
[[nodiscard]] std::optional<std::chrono::milliseconds> scheduled_backup_max_age(const ScheduleConfig& schedule);

inline constexpr std::string_view default_config_path = "/etc/pgrecall/pgrecall.yaml";

struct LoadedConfig {
  std::string file;
  Config config;
  std::vector<Problem> warnings;
};

// What a check found, all at once and in the file's order. `config` is whole only when there are no errors.
struct ConfigCheck {
  std::string file;
  Config config;
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
};

// Reads and checks a configuration. Throws Error{configuration} only when the file cannot be read; what is in it becomes
// problems. Relative paths in it are relative to its own directory.
[[nodiscard]] ConfigCheck check_config(const std::string& path);
// The same for a text that would stand at `path`.
[[nodiscard]] ConfigCheck check_config_text(const std::string& text, const std::string& path);
// As check_config(), for those who need a valid one: throws Error{configuration} that lists every error, one a line.
[[nodiscard]] LoadedConfig load_config(const std::string& path);

// Whether `name` may name a cluster, repository or receiver: [a-z0-9][a-z0-9_-]{0,62}. Cluster names become parts of object names
// and of slot names.
[[nodiscard]] bool valid_config_name(std::string_view name) noexcept;

// The effective configuration for people, defaults included, secrets replaced by stars.
[[nodiscard]] nlohmann::ordered_json to_json(const Config& config);
[[nodiscard]] std::string to_yaml(const Config& config);
// Problems for `config check --output json`: file, line, column, key, problem, hint.
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Problem>& problems);

// JSON Schema (draft-07) for editors; config/pgrecall.schema.json is this, printed with two spaces.
[[nodiscard]] nlohmann::ordered_json config_schema();

// Every key that there is, in order, as docs/configuration.md lists them.
struct ConfigKey {
  std::string path;      // "clusters.NAME.retention.daily"
  std::string type;      // "whole number from 0 to 10000"
  std::string fallback;  // what holds where the key is absent; empty: nothing does
  bool required = false;
  std::string help;
};
[[nodiscard]] std::vector<ConfigKey> config_keys();

}  // namespace pgrecall
