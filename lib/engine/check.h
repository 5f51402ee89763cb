#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "postgres/connection.h"
#include "repository/repository.h"

namespace pgrecall {

// One thing that `pgrecall check` looked at.
struct CheckItem {
  enum class State { good, warning, bad } state = State::good;
  std::string what;    // "connection", "replication privilege", "wal_level", "store: write" ...
  std::string detail;  // what was found
  std::string hint;    // what to do; empty when good
};

// Looks at the live server and at the store: connects, privileges, settings that matter for backups, clock difference; store
// write, read back and delete; space. Never throws for what it finds: that is an item. Changes nothing on the server.
// `expected_system`: whom the cluster's name belongs to in the repository; nothing where that is not known.
[[nodiscard]] std::vector<CheckItem> check_server(const ConnectionSettings& connection,
                                                  std::optional<std::uint64_t> expected_system, const std::stop_token& stop);
[[nodiscard]] std::vector<CheckItem> check_repository(const Repository& repository, const std::string& cluster,
                                                      const Clock& clock);

}  // namespace pgrecall
