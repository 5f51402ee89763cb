#include "postgres/replication.h"

#include <algorithm>

namespace pgrecall {
namespace {

constexpr std::string_view syntax_error = "42601";

std::uint32_t size_setting(Connection& connection, std::string_view setting) {
  const auto text = show_setting(connection, setting);
  const auto size = text ? decode_shown_size(*text) : std::nullopt;
  if (!size || *size == 0 || *size > 0x8000'0000ULL) {
    throw connection.error("the server tells no usable " + std::string(setting)).with("shown", text.value_or("nothing"));
  }
  return static_cast<std::uint32_t>(*size);
}

std::string text_setting(Connection& connection, std::string_view setting) {
  auto text = show_setting(connection, setting);
  if (!text) {
    throw connection.error("the server does not tell " + std::string(setting));
  }
  return std::move(*text);
}

// 14 and newer say it; 13 shows it by making every transaction of a standby read-only.
std::optional<bool> read_in_recovery(Connection& connection) {
  if (const auto standby = show_setting(connection, "in_hot_standby")) {
    return *standby == "on";
  }
  if (connection.mode() == ReplicationMode::database) {
    return connection.exec("SELECT pg_catalog.pg_is_in_recovery()").boolean(0, 0);
  }
  if (show_setting(connection, "transaction_read_only") != "on") {
    return false;
  }
  return show_setting(connection, "default_transaction_read_only") == "on" ? std::nullopt : std::optional(true);
}

void check_slot_name(std::string_view slot) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (slot.empty() || slot.size() > 63 || !std::all_of(slot.begin(), slot.end(), allowed)) {
    throw Error(ErrorKind::configuration, "not a slot name", "use 1 to 63 of a-z, 0-9 and _").with("slot", slot);
  }
}

}  // namespace

SystemIdentity identify_system(Connection& connection) {
  try {
    const Result result = connection.exec("IDENTIFY_SYSTEM");
    if (result.rows() != 1) {
      throw connection.error("the server does not identify itself");
    }
    return decode_system_identity(result.fields(0));
  } catch (const Error& error) {
    if (error.context("sqlstate") != syntax_error) {
      throw;
    }
    throw connection
        .error("the address is a connection pooler, which does not pass replication on",
               "give the address of PostgreSQL itself (at Supabase the direct connection, not the pooler)")
        .with("sqlstate", syntax_error);
  }
}

std::optional<std::string> show_setting(Connection& connection, std::string_view setting) {
  try {
    return std::string(connection.exec("SHOW " + std::string(setting)).text(0, 0));
  } catch (const Error& error) {
    const std::string_view code = error.context("sqlstate");
    if (code == "42704" || code == "42501") {  // no such setting; not for this role
      return std::nullopt;
    }
    throw;
  }
}

ServerInfo read_server_info(Connection& connection) {
  ServerInfo info;
  info.identity = identify_system(connection);
  info.version_num = connection.server_version();
  info.version = text_setting(connection, "server_version");
  info.wal_segment_size = size_setting(connection, "wal_segment_size");
  info.block_size = size_setting(connection, "block_size");
  info.wal_block_size = size_setting(connection, "wal_block_size");
  if (!valid_segment_size(info.wal_segment_size)) {
    throw connection.error("the server's wal_segment_size is none that PostgreSQL has").with("bytes", info.wal_segment_size);
  }
  info.data_checksums = text_setting(connection, "data_checksums") == "on";
  info.full_page_writes = text_setting(connection, "full_page_writes") == "on";
  info.wal_level = text_setting(connection, "wal_level");
  info.in_recovery = read_in_recovery(connection);
  info.data_directory = show_setting(connection, "data_directory");
  return info;
}

void create_temporary_physical_slot(Connection& connection, std::string_view slot) {
  check_slot_name(slot);
  // 15 brought the parenthesized options; all versions know the bare word, but it is on its way out.
  connection.exec("CREATE_REPLICATION_SLOT \"" + std::string(slot) + "\" TEMPORARY PHYSICAL " +
                  (connection.server_major() >= 15 ? "(RESERVE_WAL)" : "RESERVE_WAL"));
}

std::optional<TimelineHistoryFile> timeline_history(Connection& connection, Timeline timeline) {
  if (timeline <= 1) {
    return std::nullopt;
  }
  try {
    const Result result = connection.exec("TIMELINE_HISTORY " + std::to_string(timeline));
    return TimelineHistoryFile{.file_name = std::string(result.text(0, 0)), .content = std::string(result.text(0, 1))};
  } catch (const Error& error) {
    if (error.context("sqlstate") == "58P01") {  // the file is gone
      return std::nullopt;
    }
    throw;
  }
}

std::string quote_replication_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace pgrecall
