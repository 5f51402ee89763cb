#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "postgres/connection.h"
#include "status/status.h"

namespace pgrecall {

// What only the server knows of our standing with it.
struct ServerFacts {
  SlotFigures slot;               // `asked` is unset before anybody asked
  std::string role;               // that we connect as
  std::optional<Time> role_ends;  // VALID UNTIL of that role
};

// Asks over a connection of its own, which needs no privilege but to connect, and within seconds. Errors: those of
// Connection::open() and exec(), and Error{database_unreachable} when the server takes too long.
[[nodiscard]] ServerFacts ask_server(const ConnectionSettings& connection, const std::string& slot, const std::stop_token& stop);

}  // namespace pgrecall
