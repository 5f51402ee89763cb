#include "config/keys.h"

namespace pgrecall {

namespace {
using Kind = ValueType::Kind;
using Presence = KeyInfo::Presence;

void visit(KeyVisitor& keys, RepositoryConfig& repository) {
  keys.value({"path", "Directory of the repository. Give this or url."}, text_value(Kind::path, repository.path));
  keys.value({"url", "Address of the repository, as file:///srv/backup. Give this or path."},
             text_value(Kind::address, repository.url));
  keys.value({"key_file", "Key file that seals the repository; repo init makes it where it is absent. Keep a copy elsewhere."},
             text_value(Kind::path, repository.key_file));
  keys.value({"passphrase", "Passphrase that seals the repository, here in the open. Better: one of the next three."},
             secret_value(repository.passphrase.literal));
  keys.value({"passphrase_file", "File that holds the passphrase."}, text_value(Kind::path, repository.passphrase.file));
  keys.value({"passphrase_env", "Environment variable that holds the passphrase."},
             text_value(Kind::variable, repository.passphrase.environment));
  keys.value({"passphrase_credential", "systemd credential that holds the passphrase."},
             text_value(Kind::credential, repository.passphrase.credential));
  keys.value({"parallel_runs", "Runs of the daemon that may work on the repository at the same time."},
             integer_value(repository.parallel_runs, 1, 64));
}

void visit(KeyVisitor& keys, ScheduleConfig& schedule) {
  keys.value({"timezone", "Time zone in which the times below are meant."}, text_value(Kind::timezone, schedule.timezone));
  keys.value({"daily", "When the daily backup is taken."}, text_value(Kind::cron, schedule.daily));
  keys.value({"weekly", "When the weekly backup is taken."}, text_value(Kind::cron, schedule.weekly));
  keys.value({"monthly", "When the monthly backup is taken."}, text_value(Kind::cron, schedule.monthly));
  keys.value({"verify", "When everything that the repository has of the cluster is read and checked."},
             text_value(Kind::cron, schedule.verify));
  keys.value({"drill", "When a recovery is tried: docs/drills.md."}, text_value(Kind::cron, schedule.drill));
  keys.value({"expire", "When backups and WAL that retention no longer keeps are removed."},
             text_value(Kind::cron, schedule.expire));
  keys.value({"check", "When server, privileges, WAL and repository are tried."}, text_value(Kind::cron, schedule.check));
  keys.value(
      {"catch_up", "What becomes of runs that fell due while the daemon was down: once runs the newest of them, none waits."},
      choice_value(schedule.catch_up, {"once", "none"}));
  keys.value(
      {"spread",
       "Each run starts up to this much later, always the same for a cluster and job, so that clusters do not start together."},
      duration_value(schedule.spread));
  keys.value({"not_after", "A run that could not start within this time after it was due is left out."},
             duration_value(schedule.not_after));
  keys.value({"off_peak", "When runs that are late (missed, waiting, tried again) may start; at any time where absent."},
             day_span_value(schedule.off_peak));
  keys.value({"retries", "How often a failed run is tried again."}, integer_value(schedule.retries, 0, 100));
  keys.value({"retry_after", "How long after a failure that is; twice as long each time."}, duration_value(schedule.retry_after));
}

void visit(KeyVisitor& keys, RetentionConfig& retention) {
  constexpr std::int64_t most = 10'000;
  keys.value({"daily", "Daily backups to keep."}, integer_value(retention.daily, 0, most));
  keys.value({"weekly", "Weekly backups to keep."}, integer_value(retention.weekly, 0, most));
  keys.value({"monthly", "Monthly backups to keep."}, integer_value(retention.monthly, 0, most));
  keys.value({"window", "How far back recovery to any moment is possible: backups and WAL are kept for it."},
             duration_value(retention.window));
}

void visit(KeyVisitor& keys, CompressionConfig& compression) {
  keys.value({"method", "How chunks and WAL are compressed."}, choice_value(compression.method, {"zstd", "lz4", "none"}));
  Value level = integer_value(compression.level, -7, 19);
  level.get = [&compression, given = level.get] {
    return compression.method == CompressionConfig::Method::none ? std::nullopt : given();
  };
  keys.value({"level", "zstd: -7 to 19, lz4: 1 to 12; higher is smaller and slower. Not with none."}, level);
}

void visit(KeyVisitor& keys, BackupConfig& backup) {
  constexpr std::uint64_t slowest = 32U << 10U;  // the least that BASE_BACKUP's MAX_RATE accepts
  keys.section({"compression", "Compression."}, [&backup](KeyVisitor& inner) { visit(inner, backup.compression); });
  keys.value({"max_rate", "The most that is read from the server; no limit where absent."}, rate_value(backup.max_rate, slowest));
  keys.value(
      {"checkpoint", "How the backup's first checkpoint is taken; where absent, spread when scheduled and fast when manual."},
      choice_value(backup.checkpoint, {"spread", "fast"}));
}

void visit(KeyVisitor& keys, WalConfig& wal) {
  constexpr std::uint64_t least = 64U << 20U;
  keys.value({"acknowledge",
              "When the server is told that WAL is safe: once it is durable in the spool, or only once the repository holds it."},
             choice_value(wal.acknowledge, {"spool", "repository"}));
  keys.value({"tail_interval", "How often what there is of an unfinished segment goes to the repository, when it grew."},
             duration_value(wal.tail_interval));
  keys.value({"spool_limit", "Receiving stops while this much WAL waits for the repository."},
             size_value(wal.spool_limit, least));
  keys.value({"slot", "Name of the physical replication slot; where absent, pgrecall_ and the cluster's name."},
             text_value(Kind::slot, wal.slot));
}

void visit(KeyVisitor& keys, ParallelConfig& parallel) {
  keys.value({"workers", "Threads that hash, compress and seal."}, integer_value(parallel.workers, 1, 256));
  keys.value({"uploads", "Packs that are stored at the same time."}, integer_value(parallel.uploads, 1, 64));
}

void visit(KeyVisitor& keys, VerifyConfig& verify) {
  keys.value(
      {"budget",
       "How much one scheduled verify reads, as a size or a duration; what was not read for longest comes first. Everything "
       "where absent."},
      text_value(Kind::reading_budget, verify.budget));
}

void visit(KeyVisitor& keys, DrillQueryConfig& query) {
  keys.value({"database", "Database that is asked."}, text_value(Kind::text, query.database));
  keys.value({"query", "A SELECT; its first row counts. It is read only, and may take 10 minutes.", Presence::required},
             text_value(Kind::text, query.query));
  keys.value({"expect",
              "What its first column must be: true, or a comparison as >= 1000 or = ok; or rows, no rows: whether there is any."},
             text_value(Kind::expectation, query.expect));
}

void visit(KeyVisitor& keys, DrillConfig& drill) {
  keys.value({"budget", "How long tables, indexes and pages of the copy are checked; what is left over, later drills look at."},
             duration_value(drill.budget));
  keys.value({"binaries", "Directories that may hold PostgreSQL's programs, besides those of packages."},
             list_value(Kind::path, drill.binaries));
  keys.value({"libraries", "Libraries that the copy's server loads at its start; none of the original's where absent."},
             list_value(Kind::text, drill.libraries));
  keys.value({"canary",
              "Whether a row of a schema of its own (pgrecall.heartbeat) is written on the server every minute, so that drills "
              "can prove "
              "which minute a copy is of. The role needs CREATE on the database."},
             boolean_value(drill.canary));
  keys.named_sections({"queries", "What is asked of the copy."}, named_sections_of<DrillQueryConfig>(drill.queries, visit));
}

void visit(KeyVisitor& keys, CompanionConfig& companion) {
  keys.value({"path", "File, or directory with all that is in it, on this host. Give this or command."},
             text_value(Kind::path, companion.path));
  keys.value(
      {"command",
       "Program and arguments whose standard output it is, as [ssh, db, cat, /path/of/key]. No shell; no secrets in it. Its "
       "environment is ours, without PG... variables."},
      words_value(companion.command));
  keys.value({"format", "What the command writes: the bytes of one file, or a tar archive of several."},
             choice_value(companion.format, {"file", "tar"}));
  keys.value({"file", "What that one file is called; where absent, as the companion."}, text_value(Kind::text, companion.file));
  keys.value({"max_size", "The most that is kept; more is an error of the companion."}, size_value(companion.max_size, 1));
  keys.value({"time_limit", "How long gathering it may take."}, duration_value(companion.time_limit));
}

void visit(KeyVisitor& keys, TargetsConfig& targets) {
  constexpr std::uint64_t least = 16U << 20U;
  keys.value({"rpo", "The most that may be lost: WAL of the server that is older than this is durable here."},
             duration_value(targets.rpo));
  keys.value({"backup_max_age",
              "How long ago the newest backup may have begun; where absent, the longest pause of the schedule and two hours."},
             duration_value(targets.backup_max_age));
  keys.value({"wal_interruption", "How long receiving WAL may be interrupted."}, duration_value(targets.wal_interruption));
  keys.value({"slot_retained", "The most WAL that the server should have to keep for the replication slot."},
             size_value(targets.slot_retained, least));
  keys.value({"drill_max_age", "How long ago the newest drill that passed may be; where one is scheduled."},
             duration_value(targets.drill_max_age));
}

void visit(KeyVisitor& keys, SupabaseConfig& supabase) {
  keys.value({"project", "Reference of the project: the 20 letters in its dashboard's address."},
             text_value(Kind::project, supabase.project));
  keys.value({"token",
              "Access token of the Management API, here in the open. Better: one of the next three. The platform is not watched "
              "where all are absent."},
             secret_value(supabase.token.literal));
  keys.value({"token_file", "File that holds the access token."}, text_value(Kind::path, supabase.token.file));
  keys.value({"token_env", "Environment variable that holds the access token."},
             text_value(Kind::variable, supabase.token.environment));
  keys.value({"token_credential", "systemd credential that holds the access token."},
             text_value(Kind::credential, supabase.token.credential));
  keys.value({"promised_window",
              "How far back the platform's own recovery to any moment reaches: what falls short is an alert. None is promised "
              "where absent."},
             duration_value(supabase.promised_window));
  keys.value({"poll_interval", "How often the platform is asked; 5m where absent."}, duration_value(supabase.poll_interval));
  keys.value({"api", "Address of the Management API; https://api.supabase.com where absent."},
             text_value(Kind::web_address, supabase.api));
  keys.value({"ca_file", "File of the certificates (PEM) that the API's is checked by; where absent, the system's."},
             text_value(Kind::path, supabase.ca_file));
}

// Hands the keys of a section on that a cluster of this kind does not have: what they hold by default means nothing there.
class WithoutValues final : public KeyVisitor {
 public:
  explicit WithoutValues(KeyVisitor& keys) : keys_(keys) {}
  void value(const KeyInfo& info, const Value& value) override {
    Value empty = value;
    empty.get = [] { return std::nullopt; };
    keys_.value(info, empty);
  }
  void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) override { keys_.section(info, visit); }
  void named_sections(const KeyInfo& info, const NamedSections& sections) override { keys_.named_sections(info, sections); }

 private:
  KeyVisitor& keys_;
};

template <typename Section>
void visit_where(ClusterConfig::Kind kind, const ClusterConfig& cluster, KeyVisitor& keys, Section& section) {
  if (cluster.kind == kind) {
    visit(keys, section);
  } else {
    WithoutValues without(keys);
    visit(without, section);
  }
}

void visit(KeyVisitor& keys, ClusterConfig& cluster) {
  keys.value({"kind",
              "What the server is: any PostgreSQL, self-hosted Supabase too, or a hosted Supabase project, which is dumped and "
              "has no WAL to be received: docs/supabase-hosted.md."},
             choice_value(cluster.kind, {"postgresql", "supabase-hosted"}));
  keys.section({"supabase", "The platform of a hosted project: docs/supabase-platform.md."}, [&cluster](KeyVisitor& inner) {
    visit_where(ClusterConfig::Kind::supabase_hosted, cluster, inner, cluster.supabase);
  });
  keys.value({"connection", "Where the server is. A role with LOGIN and REPLICATION is enough.", Presence::required},
             conninfo_value(cluster.connection));
  keys.value({"password", "Password, here in the open. Better: one of the next three, or libpq's own password file."},
             secret_value(cluster.password.literal));
  keys.value({"password_file", "File that holds the password."}, text_value(Kind::path, cluster.password.file));
  keys.value({"password_env", "Environment variable that holds the password."},
             text_value(Kind::variable, cluster.password.environment));
  keys.value({"password_credential", "systemd credential that holds the password."},
             text_value(Kind::credential, cluster.password.credential));
  keys.value({"repository", "Name of the repository that the cluster is backed up into.", Presence::required},
             text_value(Kind::name, cluster.repository));
  keys.value({"flavor",
              "What the server is: supabase is Supabase's own image, self-hosted, of which check, drills and restore know more "
              "(docs/supabase.md)."},
             choice_value(cluster.flavor, {"postgresql", "supabase"}));
  keys.section({"schedule", "When backups are taken."}, [&cluster](KeyVisitor& inner) { visit(inner, cluster.schedule); });
  keys.section({"retention", "What is kept."}, [&cluster](KeyVisitor& inner) { visit(inner, cluster.retention); });
  keys.section({"backup", "How backups are taken."}, [&cluster](KeyVisitor& inner) { visit(inner, cluster.backup); });
  keys.section({"wal", "How WAL is received."},
               [&cluster](KeyVisitor& inner) { visit_where(ClusterConfig::Kind::postgresql, cluster, inner, cluster.wal); });
  keys.section({"parallel", "How much is done at the same time."},
               [&cluster](KeyVisitor& inner) { visit(inner, cluster.parallel); });
  keys.section({"verify", "How much is read again."}, [&cluster](KeyVisitor& inner) { visit(inner, cluster.verify); });
  keys.section({"drill", "How recovery is tried."}, [&cluster](KeyVisitor& inner) { visit(inner, cluster.drill); });
  keys.section({"targets", "What is promised; what falls short of it is an alert."},
               [&cluster](KeyVisitor& inner) { visit(inner, cluster.targets); });
  keys.named_sections({"companions", "Files from outside of the database that are kept with each backup: docs/operations.md."},
                      named_sections_of<CompanionConfig>(cluster.companions, visit));
}

void visit(KeyVisitor& keys, MetricsConfig& metrics) {
  keys.value({"listen", "Address and port of metrics, probes and the status page; off for none of them."},
             text_value(Kind::listen, metrics.listen));
  keys.value({"tls_certificate", "PEM file with the certificate and its chain; with tls_key, nothing but TLS is spoken there."},
             text_value(Kind::path, metrics.tls_certificate));
  keys.value({"tls_key", "PEM file with the certificate's private key."}, text_value(Kind::path, metrics.tls_key));
  keys.value({"username", "Who may see metrics and the status page (HTTP basic authentication); everybody where absent."},
             text_value(Kind::text, metrics.username));
  keys.value({"password", "Password for that, here in the open. Better: one of the next three."},
             secret_value(metrics.password.literal));
  keys.value({"password_file", "File that holds the password."}, text_value(Kind::path, metrics.password.file));
  keys.value({"password_env", "Environment variable that holds the password."},
             text_value(Kind::variable, metrics.password.environment));
  keys.value({"password_credential", "systemd credential that holds the password."},
             text_value(Kind::credential, metrics.password.credential));
}

void visit(KeyVisitor& keys, DaemonConfig& daemon) {
  keys.value({"socket", "Unix socket on which the daemon is asked and steered."}, text_value(Kind::path, daemon.socket));
  keys.value({"socket_group", "Group whose members may do that, besides root and the daemon's user."},
             text_value(Kind::text, daemon.socket_group));
  keys.value({"state", "Directory of the daemon's own state: runs, schedule, alerts to be sent. It may be lost without harm."},
             text_value(Kind::path, daemon.state));
  keys.value({"parallel_runs", "Runs at the same time, of all clusters."}, integer_value(daemon.parallel_runs, 1, 64));
  keys.value({"drain_limit", "How long a daemon that is told to stop waits for what is running, before it is broken off."},
             duration_value(daemon.drain_limit));
}

void visit(KeyVisitor& keys, LogConfig& log) {
  keys.value({"format", "auto is the journal under systemd, and text anywhere else."},
             choice_value(log.format, {"auto", "text", "json"}));
  keys.value({"level", "The least important lines that are logged."},
             choice_value(log.level, {"debug", "info", "warning", "error"}));
}
}  // namespace

void visit_keys(Config& config, KeyVisitor& visitor) {
  visitor.named_sections({"repositories", "Where backups and WAL are kept.", Presence::required},
                         named_sections_of<RepositoryConfig>(config.repositories, visit));
  visitor.named_sections({"clusters", "The PostgreSQL servers that are backed up.", Presence::required},
                         named_sections_of<ClusterConfig>(config.clusters, visit));
  visitor.section({"alerts", "Who is told when something fails."},
                  [&config](KeyVisitor& keys) { visit_alerts(config.alerts, keys); });
  visitor.section({"metrics", "The HTTP listener: Prometheus metrics, probes and the status page."},
                  [&config](KeyVisitor& keys) { visit(keys, config.metrics); });
  visitor.section({"daemon", "The service."}, [&config](KeyVisitor& keys) { visit(keys, config.daemon); });
  visitor.section({"log", "What the service logs."}, [&config](KeyVisitor& keys) { visit(keys, config.log); });
  visitor.value({"spool", "Directory for received WAL that the repository does not hold yet, and for temporary files."},
                text_value(Kind::path, config.spool));
  visitor.value(
      {"scratch", "Directory for the copies that drills restore: room for the largest cluster. Its owner runs their servers."},
      text_value(Kind::path, config.scratch));
}

}  // namespace pgrecall
