#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/lsn.h"

namespace pgrecall {

// Pure decoders of what a server sends over a replication connection. They own nothing: views point into the input.
// Facts from PostgreSQL's documentation, "Streaming Replication Protocol". A message that breaks the protocol is
// Error{database_unreachable}: the peer is no PostgreSQL, or one that this program does not know.

// One row of a result set, NULL as nothing.
using RowView = std::span<const std::optional<std::string_view>>;

// What one CopyData message of BASE_BACKUP (15 and newer) says.
struct ArchiveBegin {
  std::uint32_t tablespace_oid = 0;  // 0 is the data directory
  std::string_view name;             // "base.tar", "16385.tar"
  std::string_view location;         // the tablespace's directory on the server; empty for the data directory
};
struct ArchiveBytes {
  ByteView bytes;  // of the archive or manifest that began last
};
struct ManifestBegin {};
struct BackupProgress {
  std::uint64_t bytes = 0;  // sent of the current archive
};
using BackupMessage = std::variant<ArchiveBegin, ArchiveBytes, ManifestBegin, BackupProgress>;
[[nodiscard]] BackupMessage decode_backup_message(ByteView message);

// What one CopyData message of START_REPLICATION ... PHYSICAL says.
struct WalBytes {
  Lsn start;       // of the first byte
  Lsn server_end;  // how far the server's WAL reaches
  Time server_time{};
  ByteView bytes;
};
struct Keepalive {
  Lsn server_end;
  Time server_time{};
  bool reply_requested = false;
};
using StreamMessage = std::variant<WalBytes, Keepalive>;
[[nodiscard]] StreamMessage decode_stream_message(ByteView message);

// Whether the server shall answer a status update at once.
enum class Reply { not_needed, requested };
inline constexpr std::size_t status_update_size = 34;
// 'r': the position up to which WAL is durable here, given as written, flushed and applied alike, so that every level of
// synchronous_commit is satisfied by the same promise.
[[nodiscard]] std::array<std::byte, status_update_size> encode_status_update(Lsn durable, Time now, Reply reply);

// Microseconds since 2000-01-01 UTC, as the protocol counts. Out-of-range values are clamped.
[[nodiscard]] Time time_of_server(std::int64_t microseconds) noexcept;
[[nodiscard]] std::int64_t server_time_of(Time time) noexcept;

// The answer to IDENTIFY_SYSTEM.
struct SystemIdentity {
  std::uint64_t system_identifier = 0;
  Timeline timeline = 0;
  Lsn flushed;                          // the end of WAL flushed (primary) or received (standby)
  std::optional<std::string> database;  // nothing with replication=true
};
[[nodiscard]] SystemIdentity decode_system_identity(RowView row);

// A position as the first and last result sets of BASE_BACKUP give it, and the one at the end of a timeline.
struct TimelinePosition {
  Lsn lsn;
  Timeline timeline = 0;
};
// (LSN, timeline), as BASE_BACKUP says it.
[[nodiscard]] TimelinePosition decode_backup_position(RowView row);
// (timeline, LSN), as START_REPLICATION says it when the timeline ended.
[[nodiscard]] TimelinePosition decode_next_timeline(RowView row);

// One row of the tablespace list of BASE_BACKUP.
struct BackupTablespace {
  std::uint32_t oid = 0;                    // 0 is the data directory
  std::string location;                     // empty for the data directory
  std::optional<std::uint64_t> size_bytes;  // the server's estimate, a multiple of 1024; nothing when not asked for
};
[[nodiscard]] BackupTablespace decode_tablespace(RowView row);

// "16MB" as SHOW prints a size in bytes or kB blocks. Nothing when it is not that.
[[nodiscard]] std::optional<std::uint64_t> decode_shown_size(std::string_view text) noexcept;

}  // namespace pgrecall
