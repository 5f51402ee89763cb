#pragma once

#include <cstdint>

// Which WAL records are which: resource managers of src/include/access/rmgrlist.h, and what the upper bits of a record's info
// say for some of them (src/include/catalog/pg_control.h, src/include/access/xact.h, and the files named below), the same in
// PostgreSQL 13 to 18 where nothing else is said.
namespace pgrecall::wal_kind {

inline constexpr std::uint8_t last_builtin_manager = 21;
inline constexpr std::uint8_t first_custom_manager = 128;

inline constexpr std::uint8_t xlog_manager = 0;
inline constexpr std::uint8_t xlog_operation_bits = 0xF0;
inline constexpr std::uint8_t segment_switch = 0x40;
inline constexpr std::uint8_t restore_point = 0x70;
inline constexpr std::uint8_t checkpoint_at_shutdown = 0x00;
inline constexpr std::uint8_t checkpoint_online = 0x10;
inline constexpr std::uint8_t end_of_recovery = 0x90;

inline constexpr std::uint8_t transaction_manager = 1;
inline constexpr std::uint8_t transaction_operation_bits = 0x70;
inline constexpr std::uint8_t transaction_has_xinfo = 0x80;
inline constexpr std::uint8_t commit = 0x00;
inline constexpr std::uint8_t abort = 0x20;
inline constexpr std::uint8_t commit_prepared = 0x30;
inline constexpr std::uint8_t abort_prepared = 0x40;

// src/include/catalog/storage_xlog.h
inline constexpr std::uint8_t storage_manager = 2;
inline constexpr std::uint8_t storage_create = 0x10;

// src/include/commands/dbcommands_xlog.h
inline constexpr std::uint8_t database_manager = 4;
inline constexpr std::uint8_t database_copy = 0x00;  // XLOG_DBASE_CREATE until 14, XLOG_DBASE_CREATE_FILE_COPY
inline constexpr std::uint8_t database_drop_until_14 = 0x10;
inline constexpr std::uint8_t database_create_by_wal = 0x10;  // XLOG_DBASE_CREATE_WAL_LOG, from 15
inline constexpr std::uint8_t database_drop = 0x20;

// src/include/utils/relmapper.h
inline constexpr std::uint8_t relation_map_manager = 7;
inline constexpr std::uint8_t relation_map_update = 0x00;

// src/include/storage/standbydefs.h
inline constexpr std::uint8_t standby_manager = 8;
inline constexpr std::uint8_t running_transactions = 0x10;

// src/include/access/heapam_xlog.h
inline constexpr std::uint8_t heap2_manager = 9;
inline constexpr std::uint8_t heap_manager = 10;
inline constexpr std::uint8_t heap_operation_bits = 0x70;
inline constexpr std::uint8_t heap_initializes_page = 0x80;
inline constexpr std::uint8_t heap_insert = 0x00;
inline constexpr std::uint8_t heap_delete = 0x10;
inline constexpr std::uint8_t heap_update = 0x20;
inline constexpr std::uint8_t heap_truncate = 0x30;
inline constexpr std::uint8_t heap_hot_update = 0x40;
inline constexpr std::uint8_t heap_inplace = 0x70;

}  // namespace pgrecall::wal_kind
