#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/verify.h"
#include "jobs/job.h"
#include "postgres/connection.h"

namespace pgrecall {

// What is asked of a verification.
struct VerifyWishes {
  std::string id;  // of a backup, or "latest"; empty: all
  double fraction = 1.0;
  std::optional<unsigned> workers;
  bool repair = false;  // what is found damaged, as far as there are good copies
  std::string budget;   // "10GB" or "30m"; empty: as configured, or everything
};

// Where a verification happens.
struct VerifyPlace {
  std::string cluster;
  std::string spool;                                // directory of all spools of this host; empty: none
  std::string budget;                               // of verifications of everything, unless one is wished for; empty: none
  std::function<ConnectionSettings()> server = {};  // for repair; asked when it is needed; may throw
};
// As the daemon's API carries them: docs/api.md, "Starting a run".
[[nodiscard]] nlohmann::ordered_json to_json(const VerifyWishes& wishes);
// Error{usage} for wishes that do not go together.
void check_wishes(const VerifyWishes& wishes);
// Error{usage} for what is no wish.
[[nodiscard]] VerifyWishes verify_wishes_of(const nlohmann::ordered_json& json);

// The exit code is that of corruption where there is damage; 3 where all of it was repaired. Errors: those of verify().
[[nodiscard]] JobOutcome run_verify_job(const VerifyPlace& place, const VerifyWishes& wishes, const JobContext& context);

}  // namespace pgrecall
