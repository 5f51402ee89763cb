#include "engine/wal/server_wal.h"

#include <charconv>

namespace pgrecall {

namespace {

std::optional<std::uint64_t> optional_size(const Result& result, int column) {
  const auto text = result.optional_text(0, column);
  std::int64_t value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc() || value < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(value);
}

std::string literal(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "''" : std::string(1, c);
  }
  return quoted + "'";
}

constexpr const char* end_of_wal =
    "case when pg_catalog.pg_is_in_recovery()"
    " then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())"
    " else pg_catalog.pg_current_wal_lsn() end";

// Until its first checkpoint a promoted server's control file tells the timeline it came from; its WAL files tell the new one.
constexpr const char* timeline_of_wal =
    "case when pg_catalog.pg_is_in_recovery() then c.timeline_id"
    " else ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::integer end";

}  // namespace

ServerWal read_server_wal(Connection& connection, const std::string& slot) {
  ServerWal wal;
  const Result server = connection.exec(
      std::string("select s.system_identifier, ") + timeline_of_wal + ", pg_catalog.pg_is_in_recovery(), " + end_of_wal +
      ", (select case when setting::bigint < 0 then null else setting::bigint * 1048576 end from pg_catalog.pg_settings"
      "   where name = 'max_slot_wal_keep_size')"
      ", pg_catalog.current_setting('archive_mode') <> 'off', coalesce(a.last_archived_wal, '')"
      ", case when a.last_failed_time > coalesce(a.last_archived_time, '-infinity') then coalesce(a.last_failed_wal, '') else '' "
      "end"
      " from pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c, pg_catalog.pg_stat_archiver a");
  wal.system_identifier = server.unsigned_number(0, 0);
  wal.timeline = static_cast<Timeline>(server.unsigned_number(0, 1));
  wal.in_recovery = server.boolean(0, 2);
  wal.end = server.lsn(0, 3);
  wal.keep_limit = optional_size(server, 4);
  wal.archiver = {.enabled = server.boolean(0, 5),
                  .last_file = std::string(server.text(0, 6)),
                  .failed_file = std::string(server.text(0, 7))};
  const Result found =
      connection.exec(std::string("select active, coalesce(wal_status, ''), restart_lsn, ") +
                      "greatest(0, pg_catalog.pg_wal_lsn_diff(" + end_of_wal +
                      ", restart_lsn))::bigint, safe_wal_size, slot_type = 'physical' from pg_catalog.pg_replication_slots"
                      " where slot_name = " +
                      literal(slot));
  if (found.rows() > 0) {
    ServerSlot& state = wal.slot.emplace();
    state.physical = found.boolean(0, 5);
    state.active = found.boolean(0, 0);
    state.wal_status = found.text(0, 1);
    state.restart = found.is_null(0, 2) ? std::nullopt : std::optional(found.lsn(0, 2));
    state.retained = optional_size(found, 3).value_or(0);
    state.safe_size = optional_size(found, 4);
  }
  return wal;
}

}  // namespace pgrecall
