#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "postgres/replication.h"
#include "repository/repository.h"

namespace pgrecall {

// Whether the repository has nothing under this cluster's name yet, or this very system as the newest.
[[nodiscard]] bool is_present_system(const Repository& repository, const std::string& cluster, std::uint64_t system_identifier);

// Error{failed} when the server is not the one that is stored under this name; records it where nothing is.
void require_known_system(const Repository& repository, const std::string& cluster, const ServerInfo& server, Time now);

// As global/pg_control in the data directory of a server says; nothing where there is none. Error{corruption} when it is damaged.
[[nodiscard]] std::optional<std::uint64_t> system_of_directory(const std::string& data_directory);

}  // namespace pgrecall
