#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/expire/rewrite.h"
#include "engine/expire/sweep_plan.h"
#include "engine/progress.h"
#include "repository/lease.h"

namespace pgrecall {

struct SweepResult {
  std::uint64_t objects = 0;  // removed
  std::uint64_t bytes = 0;    // given back, less what rewriting took
  std::uint64_t remains_bytes = 0;
  std::uint64_t pack_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t leftover_bytes = 0;  // temporary files of broken-off puts
  std::uint64_t waiting_bytes = 0;   // nobody needs it, and it goes once it is old enough
  RewriteResult rewritten;
  std::vector<std::string> problems;  // why something was left alone: damage
  std::vector<std::string> notes;     // and for reasons that nobody need care about
};

// The lease under which backups of the cluster are taken and removed. Error{held} when somebody holds it; `why` is for people.
[[nodiscard]] std::unique_ptr<Lease> acquire_cluster_lease(const Repository& repository, const std::string& cluster,
                                                           const std::string& why, const Clock& clock);

// Removes what nobody needs, under the cluster's lease. May be broken off anywhere, by kill -9 too: what is left is found by the
// next sweep, and every backup that is listed is whole at any moment. Errors: held, store_unreachable, cancelled.
[[nodiscard]] SweepResult sweep(const Repository& repository, const SweepRequest& request, const Clock& clock, Progress& progress,
                                const std::stop_token& stop);
// For whoever holds the lease.
[[nodiscard]] SweepResult sweep_under(const Lease& lease, const Repository& repository, const SweepRequest& request,
                                      const Clock& clock, Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
