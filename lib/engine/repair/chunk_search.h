#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/hash.h"
#include "repository/chunk.h"
#include "repository/repository.h"

namespace pgrecall {

// Where the cluster's packs say that they have chunks of these hashes, a few places for each. Packs whose index cannot be read
// have no part in it. Reads every index.
[[nodiscard]] std::map<Sha256Digest, std::vector<ChunkRef>> find_chunks(const Repository& repository, const std::string& cluster,
                                                                        const std::set<Sha256Digest>& wanted,
                                                                        const std::stop_token& stop);

}  // namespace pgrecall
