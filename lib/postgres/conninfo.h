#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/connection.h"

namespace pgrecall {

// What PQconnectStartParams is given for one attempt.
struct ConnectParameters {
  std::vector<std::pair<std::string, Secret>> options;  // any of the values may hold a password
  std::chrono::milliseconds timeout{0};                 // for the whole attempt, over all hosts
  [[nodiscard]] const std::string* find(std::string_view keyword) const noexcept;
};

// Takes the conninfo apart and adds what a backup needs: keepalives, gssencmode=disable (old libpq fails GSSAPI negotiation
// with some poolers), a database for replication=database. What the conninfo says wins. Error{configuration} when it is
// malformed; since a forgotten quote or an unescaped '@' can make any part of a password look like anything else, the error
// repeats nothing of it.
[[nodiscard]] ConnectParameters connect_parameters(const ConnectionSettings& settings, ReplicationMode mode);

// As a value in a conninfo string, whatever is in it.
[[nodiscard]] std::string conninfo_quoted(std::string_view value);

}  // namespace pgrecall
