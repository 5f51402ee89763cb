#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"

namespace pgrecall {

// The file backup_label of a base backup. Source: src/backend/access/transam/xlogbackup.c (build_backup_content), in 13 and 14
// xlog.c (do_pg_start_backup); read_backup_label in xlogrecovery.c.
struct BackupLabel {
  Lsn start_lsn;              // recovery begins here (redo of the checkpoint)
  std::string start_segment;  // file name of the segment that holds it
  Lsn checkpoint_lsn;
  std::string method;      // "streamed"; "pg_start_backup" from before 15
  std::string from;        // "primary" (13: "master") or "standby"
  std::string start_time;  // as the server writes it, in its log_timezone: "2026-11-23 02:30:00 UTC"
  std::string label;
  Timeline start_timeline = 0;
  std::optional<Lsn> incremental_from_lsn;  // 17+, incremental backups only
  std::optional<Timeline> incremental_from_timeline;

  [[nodiscard]] bool incremental() const noexcept { return incremental_from_lsn.has_value(); }
};

// Lines of names it does not know are passed over, as newer servers add some. Error of kind corruption when a line that recovery
// needs (both locations, start timeline) is missing, malformed or there twice.
[[nodiscard]] BackupLabel parse_backup_label(std::string_view text);

// One line of tablespace_map: a symbolic link pg_tblspc/<oid> to make when recovery starts.
struct TablespaceLink {
  std::uint32_t oid = 0;
  std::string location;  // absolute path on the server; may hold any byte but NUL

  bool operator==(const TablespaceLink&) const = default;
};

// The file tablespace_map (read_tablespace_map in xlogrecovery.c): "<oid> <location>" a line, where a backslash stands before a
// newline, carriage return or backslash that belongs to the location. Error of kind corruption when it is not that.
[[nodiscard]] std::vector<TablespaceLink> parse_tablespace_map(std::string_view text);
// The same way back, for restores that move tablespaces.
[[nodiscard]] std::string format_tablespace_map(const std::vector<TablespaceLink>& links);

}  // namespace pgrecall
