#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/lsn.h"
#include "postgres/connection.h"

namespace pgrecall {

// A slot on the server, as pg_replication_slots has it; over a connection without a database less is told.
struct ReplicationSlot {
  std::optional<Lsn> restart;  // the server keeps WAL from here on; nothing while it keeps none, or does not tell
  std::string wal_status;      // "reserved", "extended", "unreserved" or "lost"; empty where the server does not tell
  bool active = false;         // some connection streams from it

  // The server removed WAL that the slot should have kept (max_slot_wal_keep_size). It never comes back.
  [[nodiscard]] bool lost() const noexcept { return wal_status == "lost"; }
};

// False for replication=true to 13 and 14, which have no command for it.
[[nodiscard]] bool can_read_slots(const Connection& connection) noexcept;
// Nothing when there is none. Error{configuration} when it is a logical one. Needs can_read_slots().
[[nodiscard]] std::optional<ReplicationSlot> read_physical_slot(Connection& connection, std::string_view slot);

enum class [[nodiscard]] SlotMade{made, was_there};
// One that outlives the session and keeps WAL from now on (from the last checkpoint's redo position).
SlotMade create_physical_slot(Connection& connection, std::string_view slot);
// Error{database_unreachable} with sqlstate 55006 while somebody uses it.
void drop_slot(Connection& connection, std::string_view slot);

}  // namespace pgrecall
