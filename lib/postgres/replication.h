#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/connection.h"
#include "postgres/replication_messages.h"

namespace pgrecall {

// IDENTIFY_SYSTEM. Recognizes a pooler that took the connection for plain SQL.
[[nodiscard]] SystemIdentity identify_system(Connection& connection);

// What a backup needs to know of the server. Read by SHOW, which works without a database and without privileges.
struct ServerInfo {
  SystemIdentity identity;
  int version_num = 0;                 // 150020
  std::string version;                 // "15.20 (Debian 15.20-0+deb12u1)"
  std::uint32_t wal_segment_size = 0;  // bytes
  std::uint32_t block_size = 0;        // bytes
  std::uint32_t wal_block_size = 0;    // bytes
  bool data_checksums = false;
  bool full_page_writes = true;
  std::string wal_level;                      // "replica"
  std::optional<bool> in_recovery;            // nothing where the server does not tell (13 with read-only sessions)
  std::optional<std::string> data_directory;  // nothing where the role may not see it

  [[nodiscard]] int major() const noexcept { return version_num / 10'000; }
};
[[nodiscard]] ServerInfo read_server_info(Connection& connection);

// SHOW; nothing where the setting does not exist or the role may not see it.
[[nodiscard]] std::optional<std::string> show_setting(Connection& connection, std::string_view setting);

// Creates a physical slot that keeps WAL from now on and goes away with this session; only this session can stream
// from it. `slot` is 1 to 63 of [a-z0-9_]. Error{database_unreachable} when the server has no free slot.
void create_temporary_physical_slot(Connection& connection, std::string_view slot);

struct TimelineHistoryFile {
  std::string file_name;  // "00000002.history"
  std::string content;
};
// TIMELINE_HISTORY. Nothing for timeline 1, which has none, and where the server has lost the file.
[[nodiscard]] std::optional<TimelineHistoryFile> timeline_history(Connection& connection, Timeline timeline);

// 'text' with quotes doubled, as the replication grammar reads strings.
[[nodiscard]] std::string quote_replication_literal(std::string_view text);

}  // namespace pgrecall
