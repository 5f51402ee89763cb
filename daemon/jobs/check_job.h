#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "engine/check.h"
#include "jobs/job.h"

namespace pgrecall {

// What was found out about one cluster.
struct CheckedCluster {
  std::string cluster;
  std::vector<CheckItem> items;
};

// Both may throw: what cannot even be looked at is an item too, so that one broken part does not hide the state of the others.
struct CheckPlaces {
  std::function<ConnectionSettings()> connection;
  std::function<const Repository&()> repository;
  const ClusterConfig* configured = nullptr;  // null without a configuration
  std::string spool = {};                     // for temporary files; empty: $TMPDIR
};
// Errors: usage, cancelled; everything else is an item.
[[nodiscard]] CheckedCluster check_cluster(const std::string& cluster, const CheckPlaces& places, const Clock& clock,
                                           const std::stop_token& stop);
// Exit code 0, 3 for warnings, 1 for what is bad.
[[nodiscard]] JobOutcome outcome_of(const std::vector<CheckedCluster>& all, const Style& style);

}  // namespace pgrecall
