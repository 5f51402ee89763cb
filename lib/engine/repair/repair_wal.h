#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "codec/compression.h"
#include "engine/progress.h"
#include "postgres/connection.h"
#include "repository/repository.h"

namespace pgrecall {

struct WalRepair {
  std::string object;  // that was damaged or missing
  bool done = false;
  std::string from;     // "the spool", "the server" ...
  std::string problem;  // why it was not done
};

struct WalRepairRequest {
  std::string cluster;
  std::vector<std::string> objects;            // names of segments and tails, damaged or missing
  std::string spool;                           // directory of all spools; empty: none
  std::function<ConnectionSettings()> server;  // asked once, when it is needed; empty: there is none
  std::function<void()> require_lease;         // throws when the cluster's lease, which the caller holds, was lost
  Compression compression;
};

// Puts whole segments where such objects are damaged or missing: from the spool of a receiver on this host, from tails in the
// repository that cover all of one, or from the server, which may have it yet. The bytes are checked (page headers, system), and
// lie durably in <spool>/<cluster>/repair before the damaged object is removed; broken off anywhere, the next repair takes them
// from there. A segment that is not complete anywhere stays as it is. Errors: store_unreachable, held, cancelled.
[[nodiscard]] std::vector<WalRepair> repair_wal(const Repository& repository, const WalRepairRequest& request, Progress& progress,
                                                const std::stop_token& stop);

}  // namespace pgrecall
