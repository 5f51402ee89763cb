#pragma once

#include <deque>
#include <vector>

#include "engine/undo/backup_catalog.h"
#include "engine/undo/find_changes.h"
#include "engine/wal/window.h"

namespace pgrecall {

// Fills in what the WAL did not tell of relations and databases, from the catalogs of kept backups: those of `nearest` first,
// then of a few others that may know what was made later, as long as anything is unknown. Takes out what turns out to be an
// index, a TOAST table or a system catalog. A backup that cannot be read is told in the warnings, and passed over.
class ChangeNames {
 public:
  ChangeNames(const Repository& repository, const RecoveryWindow& window, const ListedBackup* nearest,
              std::vector<std::string>& warnings);

  // Of the nearest backup; null when there is none that can be read.
  [[nodiscard]] const BackupCatalog* nearest() const noexcept { return catalogs_.empty() ? nullptr : &catalogs_.front(); }
  void fill(std::vector<FoundChanges>& transactions);

 private:
  void open(const ListedBackup& backup);
  // False when the catalog could not be read.
  [[nodiscard]] bool load(BackupCatalog& catalog, const std::vector<FoundChanges>& transactions);

  const Repository& repository_;
  std::vector<const ListedBackup*> others_;  // in the order in which they are asked
  std::vector<std::string>& warnings_;
  std::deque<BackupCatalog> catalogs_;
};

}  // namespace pgrecall
