#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "engine/expire/expire.h"
#include "jobs/job.h"

namespace pgrecall {

// What is asked of an expire.
struct ExpireWishes {
  enum class Mode { dry_run, remove } mode = Mode::remove;
  Confirmation confirmation = Confirmation::none;
  std::string remove;                         // id of a backup that goes, too; or empty
  std::optional<std::chrono::seconds> grace;  // default: a day
};
// As the daemon's API carries them: docs/api.md, "Starting a run".
[[nodiscard]] nlohmann::ordered_json to_json(const ExpireWishes& wishes);
// Error{usage} for what is no wish.
[[nodiscard]] ExpireWishes expire_wishes_of(const nlohmann::ordered_json& json);

// Exit code 3 where something was left alone because of damage. Where more than half of the good backups would go and nobody
// confirmed that: nothing is done, the exit code is that of a failure, and `needs_confirmation` of the document is true.
// Errors: those of expire().
[[nodiscard]] JobOutcome run_expire_job(const std::string& cluster, const RetentionPolicy& policy, const ExpireWishes& wishes,
                                        const JobContext& context);

}  // namespace pgrecall
