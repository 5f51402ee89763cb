#include "postgres/replication_slot.h"

#include "postgres/replication.h"

namespace pgrecall {

namespace {

constexpr int read_slot_since = 150000;  // READ_REPLICATION_SLOT

Error logical_slot(std::string_view slot) {
  return Error(ErrorKind::configuration, "the replication slot is a logical one",
               "name another by wal.slot in the configuration, or drop it if nobody needs it")
      .with("slot", slot);
}

std::optional<ReplicationSlot> read_by_sql(Connection& connection, std::string_view slot) {
  const Result result = connection.exec(
      "SELECT slot_type, active, restart_lsn, wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = " +
      quote_replication_literal(slot));
  if (result.rows() == 0) {
    return std::nullopt;
  }
  if (result.text(0, 0) != "physical") {
    throw logical_slot(slot);
  }
  ReplicationSlot found;
  found.active = result.boolean(0, 1);
  if (!result.is_null(0, 2)) {
    found.restart = result.lsn(0, 2);
  }
  found.wal_status = std::string(result.optional_text(0, 3).value_or(""));
  return found;
}

std::optional<ReplicationSlot> read_by_command(Connection& connection, std::string_view slot) {
  const Result result = connection.exec("READ_REPLICATION_SLOT \"" + std::string(slot) + "\"");
  if (result.rows() == 0 || result.is_null(0, 0)) {
    return std::nullopt;
  }
  if (result.text(0, 0) != "physical") {
    throw logical_slot(slot);
  }
  ReplicationSlot found;
  if (!result.is_null(0, 1)) {
    found.restart = result.lsn(0, 1);
  }
  return found;
}

}  // namespace

bool can_read_slots(const Connection& connection) noexcept {
  return connection.mode() != ReplicationMode::physical || connection.server_version() >= read_slot_since;
}

std::optional<ReplicationSlot> read_physical_slot(Connection& connection, std::string_view slot) {
  return connection.mode() == ReplicationMode::physical ? read_by_command(connection, slot) : read_by_sql(connection, slot);
}

SlotMade create_physical_slot(Connection& connection, std::string_view slot) {
  try {
    connection.exec("CREATE_REPLICATION_SLOT \"" + std::string(slot) + "\" PHYSICAL " +
                    (connection.server_major() >= 15 ? "(RESERVE_WAL)" : "RESERVE_WAL"));
    return SlotMade::made;
  } catch (const Error& error) {
    if (error.context("sqlstate") == "42710") {
      return SlotMade::was_there;
    }
    throw;
  }
}

void drop_slot(Connection& connection, std::string_view slot) {
  connection.exec("DROP_REPLICATION_SLOT \"" + std::string(slot) + "\"");
}

}  // namespace pgrecall
