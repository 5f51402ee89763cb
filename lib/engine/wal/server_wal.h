#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/lsn.h"
#include "postgres/connection.h"

namespace pgrecall {

struct ServerSlot {
  bool physical = true;  // else nobody can receive WAL from it
  bool active = false;
  std::string wal_status;                  // "reserved", "extended", "unreserved", "lost"; empty where not told
  std::optional<Lsn> restart;              // the server keeps WAL from here on
  std::uint64_t retained = 0;              // bytes that it keeps for the slot
  std::optional<std::uint64_t> safe_size;  // bytes that may yet be written before the slot is in danger
};

struct ServerArchiver {
  bool enabled = false;
  std::string last_file;    // archived last
  std::string failed_file;  // that could not be archived last, when that is newer
};

// What the server says of its WAL now.
struct ServerWal {
  std::uint64_t system_identifier = 0;
  Timeline timeline = 0;  // of the last checkpoint
  bool in_recovery = false;
  Lsn end;                                  // of what it wrote, or as a standby received
  std::optional<std::uint64_t> keep_limit;  // bytes that slots may hold back (max_slot_wal_keep_size); nothing: no limit

  std::optional<ServerSlot> slot;  // nothing when there is none of that name

  ServerArchiver archiver;
};

// Over a connection that takes SQL. Error{database_unreachable}.
[[nodiscard]] ServerWal read_server_wal(Connection& connection, const std::string& slot);

}  // namespace pgrecall
