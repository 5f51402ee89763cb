#pragma once

#include <optional>
#include <string>
#include <vector>

#include "repository/catalog.h"

// Backups that were removed: docs/repository-format.md, "JSON payloads". An `expired` mark says since when, so that whoever is
// reading the backup meanwhile finds all of it for a while longer, and sweeping knows how long that is.

namespace pgrecall {

struct ExpiredBackup {
  BackupId id;
  Time expired;
  std::optional<BackupSummary> summary;  // nothing where the mark cannot be read
};

// Puts the mark, then removes the summary: the backup is listed no more. Broken off between the two, it is still there.
void remove_backup(const Repository& repository, const BackupSummary& summary, Time time);

// Those of which something is left, oldest first.
[[nodiscard]] std::vector<ExpiredBackup> read_expired(const Repository& repository, const std::string& cluster);

}  // namespace pgrecall
