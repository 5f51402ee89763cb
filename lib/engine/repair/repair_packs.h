#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

struct PackRepair {
  PackId pack;
  bool done = false;
  std::string from;                  // where the chunks that were damaged came from; for people
  std::string problem;               // why it was not done
  std::set<std::uint64_t> readable;  // offsets of the chunks that backups need and that could be read before
};

// What is asked of repair_packs().
struct PackRepairRequest {
  std::string cluster;
  std::vector<PackId> packs;            // damaged, missing, or with a relocation that is damaged
  std::function<void()> require_lease;  // throws when the cluster's lease, which the caller holds, was lost
};

// Makes the packs' chunks readable again, each pack wholly or not at all: what backups need of it is copied, from itself where
// that can be read and else from any pack that has a chunk of the same hash, into a new pack; then a relocation says where
// everything went, and only then the old pack is removed, as when packs are rewritten. A pack of which anything stays lost is
// left as it is: the rest of it can still be read. Broken off anywhere, every chunk is where it was or where readers find it.
//
// Memory: the references to these packs, and one new pack. Errors: store_unreachable, held, cancelled.
[[nodiscard]] std::vector<PackRepair> repair_packs(const Repository& repository, const PackRepairRequest& request,
                                                   Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
