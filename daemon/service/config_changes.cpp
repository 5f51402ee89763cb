#include "service/config_changes.h"

#include <tuple>

namespace pgrecall {

namespace {
std::string text_of(const SecretSource& source) {
  return source.file.value_or("") + "\n" + source.environment.value_or("") + "\n" + source.credential.value_or("") + "\n" +
         (source.literal ? source.literal->reveal() : "");
}

bool same(const RepositoryConfig& a, const RepositoryConfig& b) {
  return a.directory == b.directory && a.url == b.url && a.key_file == b.key_file &&
         text_of(a.passphrase) == text_of(b.passphrase);
}

auto receiving(const ClusterConfig& cluster) {
  return std::tuple(cluster.connection.reveal(), text_of(cluster.password), cluster.repository, cluster.backup.compression.method,
                    cluster.backup.compression.level, cluster.wal.acknowledge, cluster.wal.tail_interval, cluster.wal.spool_limit,
                    cluster.wal.slot, cluster.parallel.uploads, cluster.drill.canary);
}

auto needs_restart(const Config& config) {
  return std::tuple(config.daemon.socket, config.daemon.socket_group, config.daemon.state, config.log.format);
}

void note(std::string& text, const std::string& what) { text += (text.empty() ? "" : "; ") + what; }
}  // namespace

ConfigChanges compare(const Config& before, const Config& after) {
  ConfigChanges changes;
  for (const auto& [name, repository] : before.repositories) {
    const auto now = after.repositories.find(name);
    if (now == after.repositories.end() || !same(repository, now->second)) {
      changes.repositories.insert(name);
      note(changes.text, "repository " + name + (now == after.repositories.end() ? " is gone" : " has changed"));
    }
  }
  for (const auto& [name, cluster] : before.clusters) {
    const auto now = after.clusters.find(name);
    if (now == after.clusters.end()) {
      note(changes.text, "cluster " + name + " is gone");
    } else if (receiving(cluster) != receiving(now->second) || before.spool != after.spool ||
               changes.repositories.contains(cluster.repository)) {
      changes.guards.insert(name);
      note(changes.text, "WAL of cluster " + name + " is received anew");
    }
  }
  for (const auto& [name, cluster] : after.clusters) {
    if (!before.clusters.contains(name)) {
      note(changes.text, "cluster " + name + " is new");
    }
  }
  if (needs_restart(before) != needs_restart(after)) {
    note(changes.text, "daemon.socket, daemon.socket_group, daemon.state and log.format need a restart");
  }
  if (changes.text.empty()) {
    changes.text = "schedules, retention and limits hold from now on; nothing else has changed";
  }
  return changes;
}

}  // namespace pgrecall
