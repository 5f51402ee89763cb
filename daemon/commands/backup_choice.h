#pragma once

#include <string>

#include "repository/catalog.h"

namespace pgrecall {

// The backup that somebody named: an id, or "latest". Error{target_unreachable} that says what there is.
[[nodiscard]] ListedBackup choose_backup(const Repository& repository, const std::string& cluster, const std::string& text);
// The id alone: nothing for "latest" and for an empty text. Error{usage} when it is no backup id.
[[nodiscard]] std::optional<BackupId> parse_backup_choice(const std::string& text);
// Error{target_unreachable} with the clusters that there are, when the repository has nothing of this one.
void require_cluster(const Repository& repository, const std::string& cluster);

}  // namespace pgrecall
