#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "postgres/replication.h"
#include "repository/catalog.h"
#include "repository/repository.h"

// The systems that have borne one cluster's name: docs/operations.md, "Major upgrade".

namespace pgrecall {

struct KnownSystem {
  std::uint64_t identifier = 0;
  Time seen;  // when it was last told to be the cluster's: by its record, or by its newest backup
  unsigned server_version = 0;
  std::uint32_t segment_size = 0;  // bytes
};

// By `seen`: the last one is whom the name belongs to now. A server that is taken back after an upgrade, and backed up, is last
// again.
[[nodiscard]] std::vector<KnownSystem> known_systems(const Repository& repository, const std::string& cluster,
                                                     const Catalog& catalog);
// The last of these; nothing while nothing is known under this name.
[[nodiscard]] std::optional<std::uint64_t> present_system(const Repository& repository, const std::string& cluster);

// For a server that is not whom the name belongs to.
[[nodiscard]] Error another_system(const ClusterSystem& found, std::uint64_t expected);

// Error{failed} when the server is not whom this name belongs to now; records it where it belongs to nobody yet.
void require_known_system(const Repository& repository, const std::string& cluster, const ServerInfo& server, Time now);

// As global/pg_control in the data directory of a server says; nothing where there is none. Error{corruption} when it is damaged.
[[nodiscard]] std::optional<std::uint64_t> system_of_directory(const std::string& data_directory);

}  // namespace pgrecall
