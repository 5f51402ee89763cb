#pragma once

#include <stop_token>

#include "engine/recovery_target.h"
#include "repository/catalog.h"

namespace pgrecall {

struct PlannedRecovery {
  ListedBackup backup;  // what recovery begins with
  RecoveryPlan plan;
};

// Chooses the newest backup from which the target can be reached (or takes the one `wanted`) and the settings that lead there.
// Looks into the WAL where its names do not tell enough: whether a commit later than the target exists, where a transaction or
// a restore point is. Error{target_unreachable} with the reachable ranges when nothing leads there.
[[nodiscard]] PlannedRecovery plan_recovery(const Repository& repository, const std::string& cluster,
                                            const RecoveryRequest& request, const std::optional<BackupId>& wanted,
                                            const std::stop_token& stop);

// The major version of the system that such a recovery starts from; 0 while there is no backup.
[[nodiscard]] unsigned major_of_target(const Repository& repository, const std::string& cluster, const RecoveryTarget& target,
                                       const std::optional<BackupId>& wanted);

}  // namespace pgrecall
