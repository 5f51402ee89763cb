#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "engine/drill/drill.h"
#include "jobs/job.h"
#include "jobs/open_repository.h"

namespace pgrecall {

// What is asked of a drill; where it says nothing, the configuration decides.
struct DrillWishes {
  std::string aim;  // newest, oldest or random; empty: its turn
  std::optional<Time> at;
  std::optional<Lsn> lsn;
  bool keep_scratch = false;
  std::string scratch;   // directory, absolute
  std::string binaries;  // directory, absolute
  std::optional<std::chrono::milliseconds> budget;
};
// As the daemon's API carries them: docs/api.md, "Starting a run".
[[nodiscard]] nlohmann::ordered_json to_json(const DrillWishes& wishes);
// Error{usage} for what is no wish.
[[nodiscard]] DrillWishes drill_wishes_of(const nlohmann::ordered_json& json);

// Where a drill of a cluster happens.
struct DrillPlace {
  std::string cluster;
  RepositoryAddress address;
  const ClusterConfig* configured = nullptr;  // null without configuration
  std::string scratch;                        // directory of all scratch directories
  std::string state;                          // the daemon's directory; empty without configuration
};

// Exit code 1 where a check failed. Errors: those of drill().
[[nodiscard]] JobOutcome run_drill_job(const DrillPlace& place, const DrillWishes& wishes, const JobContext& context);

}  // namespace pgrecall
