#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/recovery_target.h"
#include "engine/wal/server_wal.h"
#include "engine/wal/window.h"
#include "output/style.h"

namespace pgrecall {

// What waits on this host.
struct SpoolFiles {
  std::string directory;
  std::uint64_t files = 0;  // segments, whole or growing
  std::uint64_t bytes = 0;
  std::set<std::string> segments;  // names of those
};

// What `wal status` tells of one cluster.
struct WalStatus {
  std::string cluster;
  std::string slot;  // its name
  Time now;
  RecoveryWindow window;
  std::vector<RecoveryWindow> earlier;  // of systems that the cluster was before, oldest first; none without a span
  bool asked_server = false;
  std::optional<ServerWal> server;
  std::string server_problem;  // why `server` is not there
  std::optional<SpoolFiles> spool;
  nlohmann::ordered_json receiver;  // what one on this host last said of itself; null when there was none

  // What judge() finds.
  Lsn stored_until;                         // on the server's timeline, or the newest; 0/0 when nothing is stored
  std::optional<std::string> last_segment;  // the newest whole one there
  std::optional<std::uint64_t> lag_bytes;   // what the server has written and the repository has not; nothing without server
  std::optional<std::int64_t> lag_seconds;  // how long ago the recoverable time is; nothing without window
  std::vector<std::string> warnings;
};

// Fills in what follows from the rest.
void judge(WalStatus& status);

[[nodiscard]] nlohmann::ordered_json wal_status_json(const WalStatus& status);
[[nodiscard]] std::string wal_status_text(const WalStatus& status, const Style& style);

}  // namespace pgrecall
