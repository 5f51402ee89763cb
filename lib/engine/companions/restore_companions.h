#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "repository/catalog.h"
#include "repository/repository.h"

namespace pgrecall {

// What will be brought back, and where; a plain value.
struct CompanionsPlan {
  std::string cluster;
  BackupId backup;
  std::string into;                          // absolute; a folder for each companion is made in it
  std::vector<SummaryCompanion> companions;  // those that the backup has
  struct Missing {
    std::string name;
    std::string problem;             // why the backup does not have it
    std::optional<BackupId> backup;  // the newest earlier one that has
  };
  std::vector<Missing> missing;
};

struct RestoredCompanions {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> narrowed;  // paths below `into` that others could read where they came from, and cannot here
};

// Checks that `into` is not there yet, or an empty directory: nothing is ever overwritten. Error{failed} when it is not;
// Error{usage} for a path that is not absolute; Error{target_unreachable} when the backup has no companions.
[[nodiscard]] CompanionsPlan plan_companions(const Repository& repository, const ListedBackup& backup, const std::string& into);

// Writes them: modes and times as they were, links as links. The directory is for its owner alone, setuid and setgid bits are
// left out, and files that look secret lose whatever others might do with them. They belong to whoever runs this.
[[nodiscard]] RestoredCompanions restore_companions(const Repository& repository, const CompanionsPlan& plan, Progress& progress,
                                                    const std::stop_token& stop);

}  // namespace pgrecall
