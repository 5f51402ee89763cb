#include "commands/backup_choice.h"

#include <algorithm>

#include "base/error.h"
#include "config/problem.h"

namespace pgrecall {

std::optional<BackupId> parse_backup_choice(const std::string& text) {
  if (text.empty() || text == "latest") {
    return std::nullopt;
  }
  auto id = BackupId::parse(text);
  if (!id) {
    throw Error(ErrorKind::usage, in_quotes(text) + " is no backup id",
                "ids look like 20261123T023000Z-full; pgrecall list shows them");
  }
  return id;
}

void require_cluster(const Repository& repository, const std::string& cluster) {
  const auto clusters = list_clusters(repository);
  if (std::find(clusters.begin(), clusters.end(), cluster) != clusters.end()) {
    return;
  }
  throw Error(ErrorKind::target_unreachable, "the repository has no cluster " + in_quotes(cluster),
              clusters.empty() ? "nothing has been backed up into it yet" : suggest(cluster, clusters, "clusters in it"))
      .with("repository", repository.store().address());
}

ListedBackup choose_backup(const Repository& repository, const std::string& cluster, const std::string& text) {
  const auto id = parse_backup_choice(text);
  if (id) {
    if (auto found = find_backup(repository, cluster, *id)) {
      return *found;
    }
  }
  require_cluster(repository, cluster);
  Catalog catalog = read_catalog(repository, cluster);
  if (!id && !catalog.backups.empty()) {
    return catalog.backups.back();
  }
  std::string hint = "pgrecall list " + cluster + " shows what there is";
  if (!catalog.backups.empty()) {
    hint += "; the newest is " + catalog.backups.back().summary.id.text;
  }
  throw Error(ErrorKind::target_unreachable, id ? "there is no backup " + id->text : "there is no backup", hint)
      .with("cluster", cluster);
}

}  // namespace pgrecall
