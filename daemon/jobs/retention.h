#pragma once

#include <map>

#include "config/config.h"
#include "engine/expire/policy.h"

// From the configuration to the policy.

namespace pgrecall {

// Days are those of the schedule's time zone. Error{configuration} for a zone that is not known.
[[nodiscard]] RetentionPolicy retention_policy(const ClusterConfig& configured);
[[nodiscard]] RetentionPolicy retention_policy(const RetentionConfig& retention, const std::string& timezone);

// What the policy says of each backup, from the catalog alone: for lists. Which backups the recovery window needs is judged by
// time; expire itself looks at the WAL, too.
[[nodiscard]] std::map<BackupId, Verdict> verdicts_by_time(const Catalog& catalog, const RetentionPolicy& policy, Time now);

}  // namespace pgrecall
