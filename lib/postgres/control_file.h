#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/lsn.h"

namespace pgrecall {

// DBState in src/include/catalog/pg_control.h.
enum class ClusterState : std::uint32_t {
  starting_up = 0,
  shut_down = 1,
  shut_down_in_recovery = 2,
  shutting_down = 3,
  in_crash_recovery = 4,
  in_archive_recovery = 5,
  in_production = 6,
};

// "in production", as pg_controldata says it.
[[nodiscard]] std::string_view name(ClusterState state) noexcept;

// What global/pg_control says (ControlFileData and CheckPoint in src/include/catalog/pg_control.h), PostgreSQL 13 to 18 on
// little-endian 64-bit machines.
struct ControlFile {
  std::uint64_t system_identifier = 0;
  std::uint32_t control_version = 0;  // 1300 for 13 to 16, 1700, 1800
  std::uint32_t catalog_version = 0;  // yyyymmddn
  ClusterState state = ClusterState::starting_up;
  std::chrono::sys_seconds time{};  // when the file was written
  Lsn checkpoint;                   // the last checkpoint record
  Lsn redo;                         // where its replay begins
  Timeline timeline = 0;
  Timeline previous_timeline = 0;
  std::chrono::sys_seconds checkpoint_time{};
  Lsn min_recovery_point;
  Timeline min_recovery_timeline = 0;
  Lsn backup_start;
  Lsn backup_end;
  bool backup_end_required = false;
  std::uint32_t max_connections = 0;  // recovery needs settings at least as high as these five
  std::uint32_t max_worker_processes = 0;
  std::uint32_t max_wal_senders = 0;
  std::uint32_t max_prepared_transactions = 0;
  std::uint32_t max_locks_per_transaction = 0;
  std::uint32_t block_size = 0;             // bytes of a data page
  std::uint32_t blocks_per_segment = 0;     // pages of a relation's segment file
  std::uint32_t wal_block_size = 0;         // bytes of a WAL page
  std::uint32_t wal_segment_size = 0;       // bytes
  std::uint32_t data_checksum_version = 0;  // 0: no page checksums; 1: those of page.h

  [[nodiscard]] bool has_data_checksums() const noexcept { return data_checksum_version != 0; }
  // The release this catalog belongs to; nothing for a catalog of no release (beta, fork).
  [[nodiscard]] std::optional<unsigned> major_version() const noexcept;
};

inline constexpr std::size_t control_file_size = 8192;  // PG_CONTROL_FILE_SIZE; the rest is zeros

// Reads a pg_control file (what follows the structure is not looked at) and checks its CRC-32C. Errors of kind corruption: too
// short, a control version outside 13 to 18, the other byte order, wrong CRC, impossible sizes or state. A file read while
// the server writes it can fail the CRC: read it again.
[[nodiscard]] ControlFile parse_control_file(ByteView bytes);

// The major version whose release has this catalog version (CATALOG_VERSION_NO in src/include/catalog/catversion.h).
[[nodiscard]] std::optional<unsigned> major_for_catalog_version(std::uint32_t catalog_version) noexcept;

}  // namespace pgrecall
