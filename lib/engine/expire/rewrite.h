#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/expire/sweep_plan.h"
#include "engine/progress.h"

namespace pgrecall {

struct RewriteResult {
  std::uint64_t packs = 0;          // whose live chunks are elsewhere now
  std::uint64_t new_bytes = 0;      // of the packs that hold them
  std::uint64_t removed_packs = 0;  // old packs that went, rewritten now or earlier
  std::uint64_t removed_bytes = 0;
  std::uint64_t waiting_bytes = 0;  // of old packs that go after the grace
  std::vector<std::string> problems;
};

// Design section 4.8: packs of plan.to_look_into that are mostly dead are rewritten: their live chunks are put into new packs,
// then a relocation object under the old pack's name says where each went. Both stay for the grace, during which readers use the
// old one; then the old pack goes, once it was seen that the relocation covers what backups need of it. Broken off anywhere,
// every chunk is where somebody finds it.
//
// The caller holds the cluster's lease; `require_lease` throws when it was lost, and is called before anything is removed.
[[nodiscard]] RewriteResult rewrite_packs(const Repository& repository, const SweepRequest& request, const SweepPlan& plan,
                                          Time now, const std::function<void()>& require_lease, Progress& progress,
                                          const std::stop_token& stop);

}  // namespace pgrecall
