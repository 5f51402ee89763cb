#pragma once

#include <optional>
#include <string>

#include "engine/verify.h"
#include "jobs/job.h"

namespace pgrecall {

// What is asked of a verification.
struct VerifyWishes {
  std::string id;  // of a backup, or "latest"; empty: all
  double fraction = 1.0;
  std::optional<unsigned> workers;
};
// As the daemon's API carries them: docs/api.md, "Starting a run".
[[nodiscard]] nlohmann::ordered_json to_json(const VerifyWishes& wishes);
// Error{usage} for what is no wish.
[[nodiscard]] VerifyWishes verify_wishes_of(const nlohmann::ordered_json& json);

// The exit code is that of corruption where damage was found. Errors: those of verify().
[[nodiscard]] JobOutcome run_verify_job(const std::string& cluster, const VerifyWishes& wishes, const JobContext& context);

}  // namespace pgrecall
