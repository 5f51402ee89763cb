#include <fmt/format.h>

#include <filesystem>

#include "config/conninfo.h"
#include "config/key_problems.h"
#include "config/reader.h"
#include "config/text_forms.h"

namespace pgrecall {

namespace {
class CombinationCheck : private KeyProblems {
 public:
  explicit CombinationCheck(const KeyProblems& problems) : KeyProblems(problems) {}

  void repository(const std::string& name, RepositoryConfig& repository) {
    const std::string path = "repositories." + name;
    if (!has(path + ".path") && !has(path + ".url")) {
      error(path, "has neither \"path\" nor \"url\"", "add path: /srv/backup");
    } else if (has(path + ".path") && has(path + ".url")) {
      error(path + ".url", "stands beside \"path\"", "keep one of them");
    }
    if (repository.path) {
      repository.directory = *repository.path;
    } else if (repository.url) {
      auto directory = directory_of_url(*repository.url);
      if (auto* text = std::get_if<std::string>(&directory)) {
        repository.directory = std::move(*text);
      }
    }
    one_source(path, "passphrase");
    if (has(path + ".key_file")) {
      for (const auto* suffix : {"", "_file", "_env", "_credential"}) {
        if (has(path + ".passphrase" + suffix)) {
          error(path + ".passphrase" + suffix, "stands beside \"key_file\"",
                "a repository is opened by a key file or by a passphrase: keep one");
        }
      }
    }
    if (repository.key_file) {
      warn(path + ".key_file", doubt_secret_file(*repository.key_file));
    }
    doubtful(path, "passphrase", repository.passphrase);
  }

  void distinct(const std::map<std::string, RepositoryConfig>& repositories, const Config& config) {
    std::map<std::string, std::string> names;
    for (const auto& [name, repository] : repositories) {
      if (repository.directory.empty()) {
        continue;
      }
      const std::string key = "repositories." + name + (repository.path ? ".path" : ".url");
      const auto [first, fresh] = names.emplace(repository.directory, name);
      if (!fresh) {
        error(key, fmt::format("is the same directory as that of \"{}\"", first->second),
              "use one repository, or another directory");
      }
      const std::string alone = "a repository's directory is for the repository alone: choose another";
      if ((config.spool + "/").starts_with(repository.directory + "/")) {
        error(has("spool") ? "spool" : key,
              fmt::format("temporary files ({}) would lie in repository \"{}\"", config.spool, name), alone);
      } else if ((config.scratch + "/").starts_with(repository.directory + "/")) {
        error(has("scratch") ? "scratch" : key,
              fmt::format("copies of clusters ({}) would lie in repository \"{}\"", config.scratch, name), alone);
      } else if ((config.daemon.state + "/").starts_with(repository.directory + "/")) {
        error(has("daemon.state") ? "daemon.state" : key,
              fmt::format("the daemon's state ({}) would lie in repository \"{}\"", config.daemon.state, name), alone);
      }
    }
  }

  void cluster(const std::string& name, const ClusterConfig& cluster, const Config& config) {
    const std::string path = "clusters." + name;
    if (!cluster.repository.empty() && !known(cluster.repository, config)) {
      std::vector<std::string> names;
      for (const auto& [repository, section] : config.repositories) {
        names.push_back(repository);
      }
      error(path + ".repository", fmt::format("there is no repository {}", in_quotes(cluster.repository)),
            suggest(cluster.repository, names, "there are"));
    }
    one_source(path, "password");
    if (!cluster.connection.empty() && conninfo_has_secret(cluster.connection.reveal())) {
      if (cluster.password.configured()) {
        error(path + ".connection", "has a password, and another is configured beside it", "take it out of the connection");
      } else {
        warn(path + ".connection",
             Complaint{"a password stands in the connection", "move it to a file of mode 0600 and name that as password_file"});
      }
    }
    doubtful(path, "password", cluster.password);
    compression(path + ".backup.compression", cluster.backup.compression);
    retention(path + ".retention", cluster.retention);
    wal(path + ".wal", cluster.wal);
    schedule(path + ".schedule", cluster.schedule);
    if (cluster.drill.budget < std::chrono::seconds(1)) {
      error(path + ".drill.budget", "is too short", "write at least 1s: nothing is checked within no time");
    }
    targets(path + ".targets", cluster.targets);
    if (cluster.kind == ClusterConfig::Kind::supabase_hosted && !cluster.companions.empty()) {
      error(path + ".companions", "are not kept with the logical backups of kind supabase-hosted", "keep these files elsewhere");
    }
    for (const auto& [companion, section] : cluster.companions) {
      this->companion(path + ".companions." + companion, section, config);
    }
  }

  // Two receivers of one slot would push each other aside for ever. Slot names are shorter than those of clusters, and have no
  // '-'.
  void slots(const Config& config) {
    std::map<std::pair<std::string, std::string>, std::string> taken;
    for (const auto& [name, cluster] : config.clusters) {
      if (cluster.kind == ClusterConfig::Kind::supabase_hosted) {
        continue;
      }
      const std::string slot = cluster.wal.slot.value_or(default_slot(name));
      const auto [first, is_new] = taken.emplace(std::pair(cluster.connection.reveal(), slot), name);
      if (!is_new) {
        const std::string path = "clusters." + name;
        warn(has(path + ".wal.slot") ? path + ".wal.slot" : path,
             Complaint{fmt::format("receives by the slot {} of cluster {}, from the same server", slot, first->second),
                       "name another slot by wal.slot"});
      }
    }
  }

  void daemon(const DaemonConfig& daemon) {
    constexpr std::size_t longest = 107;  // sun_path of unix(7), less its end
    if (daemon.socket.size() > longest) {
      error("daemon.socket",
            fmt::format("is {} bytes long, and no socket's path may have more than {}", daemon.socket.size(), longest),
            "name a shorter one");
    }
  }

  void metrics(const MetricsConfig& metrics) {
    together("metrics", "tls_certificate", "tls_key");
    one_source("metrics", "password");
    if (metrics.username && !metrics.password.configured()) {
      error("metrics.username", "has no password beside it", "add password_file: FILE");
    } else if (!metrics.username && metrics.password.configured()) {
      error("metrics", "has a password, and no username", "add username: NAME");
    }
    if (metrics.username && metrics.username->find(':') != std::string::npos) {
      error("metrics.username", "has a colon in it", "HTTP ends the name there: choose another");
    }
    if (metrics.tls_certificate && !std::filesystem::is_regular_file(*metrics.tls_certificate)) {
      warn("metrics.tls_certificate", Complaint{*metrics.tls_certificate + " is not there", "create it, or correct the path"});
    }
    if (metrics.tls_key) {
      warn("metrics.tls_key", doubt_secret_file(*metrics.tls_key));
    }
    doubtful("metrics", "password", metrics.password);
    exposed(metrics);
  }

 private:
  // What whoever reaches this host over the network would see.
  void exposed(const MetricsConfig& metrics) {
    const auto address = listen_address(metrics.listen);
    if (!address || address->loopback) {
      return;
    }
    if (!metrics.username) {
      warn("metrics.listen", Complaint{"whoever reaches this host can see the names and the state of all clusters",
                                       "add username and password_file, or listen on 127.0.0.1"});
    }
    if (!metrics.tls_certificate) {
      warn("metrics.listen",
           Complaint{fmt::format("{} readable on the way", metrics.username ? "the password is" : "what is answered is"),
                     "add tls_certificate and tls_key, or listen on 127.0.0.1 behind a proxy that speaks TLS"});
    }
  }

  void together(const std::string& path, const std::string& one, const std::string& other) {
    if (has(path + "." + one) != has(path + "." + other)) {
      const bool first = has(path + "." + one);
      error(path + "." + (first ? one : other), fmt::format("needs \"{}\" beside it", first ? other : one),
            fmt::format("add {}: FILE", first ? other : one));
    }
  }

  // A section that could not be read has been reported, and so has its absence.
  [[nodiscard]] bool known(const std::string& repository, const Config& config) const {
    return config.repositories.contains(repository) || has("repositories." + repository) || config.repositories.empty();
  }

  void compression(const std::string& path, const CompressionConfig& compression) {
    if (!has(path + ".level")) {
      return;
    }
    if (compression.method == CompressionConfig::Method::none) {
      error(path + ".level", "means nothing without compression", "remove it, or choose zstd or lz4 as method");
    } else if (compression.method == CompressionConfig::Method::lz4 && (compression.level < 1 || compression.level > 12)) {
      error(path + ".level", fmt::format("\"{}\" is out of range for lz4", compression.level),
            "write a whole number from 1 to 12");
    }
  }

  void retention(const std::string& path, const RetentionConfig& retention) {
    if (retention.daily == 0 && retention.weekly == 0 && retention.monthly == 0 && retention.window.count() == 0) {
      error(path, "keeps nothing", "keep at least one backup, or give a window");
    }
  }

  void wal(const std::string& path, const WalConfig& wal) {
    if (wal.tail_interval < std::chrono::milliseconds(100)) {
      error(path + ".tail_interval", "is too short", "write at least 100ms: each time is an object in the repository");
    }
  }

  void targets(const std::string& path, const TargetsConfig& targets) {
    const auto at_least = [&](const char* key, std::optional<std::chrono::milliseconds> given, const char* least,
                              std::chrono::seconds seconds, const char* why) {
      if (given && *given < seconds) {
        error(path + "." + key, "is too short", fmt::format("write at least {}: {}", least, why));
      }
    };
    const auto* quiet = "a server where nothing happens is heard of every 10 s only";
    at_least("rpo", targets.rpo, "15s", std::chrono::seconds(15), quiet);
    at_least("backup_max_age", targets.backup_max_age, "1s", std::chrono::seconds(1), "no backup takes no time");
    at_least("wal_interruption", targets.wal_interruption, "15s", std::chrono::seconds(15), quiet);
  }

  void companion(const std::string& path, const CompanionConfig& companion, const Config& config) {
    if (!has(path + ".path") && !has(path + ".command")) {
      error(path, "has neither \"path\" nor \"command\"", "add path: /etc/postgresql-custom");
    } else if (has(path + ".path") && has(path + ".command")) {
      error(path + ".command", "stands beside \"path\"", "keep one of them");
    }
    for (const auto* key : {".format", ".file"}) {
      if (has(path + key) && !has(path + ".command")) {
        error(path + key, "is about what a command writes, and there is none", "remove it");
      }
    }
    if (companion.file && (companion.file->find('/') != std::string::npos || *companion.file == "." || *companion.file == "..")) {
      error(path + ".file", in_quotes(*companion.file) + " is not the name of a file", "write it without directories");
    } else if (companion.file && companion.format == CompanionConfig::Format::tar) {
      error(path + ".file", "stands beside \"format: tar\"", "remove it: a tar archive names its files itself");
    }
    if (companion.time_limit < std::chrono::seconds(1)) {
      error(path + ".time_limit", "is too short", "write at least 1s");
    }
    if (companion.path) {
      apart(path + ".path", *companion.path, config);
    }
  }

  // Backups of backups would grow without end.
  void apart(const std::string& key, const std::string& path, const Config& config) {
    const auto within = [](const std::string& one, const std::string& other) {
      return (one + "/").starts_with(other == "/" ? other : other + "/");
    };
    for (const auto& [name, repository] : config.repositories) {
      if (!repository.directory.empty() && (within(repository.directory, path) || within(path, repository.directory))) {
        error(key, fmt::format("and repository \"{}\" lie in each other", name), "name what is needed alone");
      }
    }
  }

  void schedule(const std::string& path, const ScheduleConfig& schedule) {
    if (schedule.not_after && *schedule.not_after < std::chrono::minutes(1)) {
      error(path + ".not_after", "is too short", "write at least 1m: nothing starts within no time");
    }
    if (schedule.not_after && *schedule.not_after <= schedule.spread) {
      error(path + ".not_after", "is not longer than spread", "no run could start in time: write a longer one");
    }
    if (schedule.retries > 0 && schedule.retry_after < std::chrono::seconds(1)) {
      error(path + ".retry_after", "is too short", "write at least 1s");
    }
    if (schedule.daily == "never" && schedule.weekly == "never" && schedule.monthly == "never") {
      warn(path + ".daily", Complaint{"no backup is ever taken by schedule", "give a time to one of daily, weekly and monthly"});
    }
  }
};
}  // namespace

void check_combinations(Config& config, const std::map<std::string, Position>& positions, std::vector<Problem>& errors,
                        std::vector<Problem>& warnings) {
  KeyProblems problems(positions, errors, warnings);
  CombinationCheck check(problems);
  for (auto& [name, repository] : config.repositories) {
    check.repository(name, repository);
  }
  check.distinct(config.repositories, config);
  for (const auto& [name, cluster] : config.clusters) {
    check.cluster(name, cluster, config);
    check_supabase(name, cluster, problems);
  }
  check.slots(config);
  check_alerts(config, problems);
  check.daemon(config.daemon);
  check.metrics(config.metrics);
}

}  // namespace pgrecall
