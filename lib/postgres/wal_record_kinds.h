#pragma once

#include <cstdint>

// Which WAL records are which: resource managers of src/include/access/rmgrlist.h, and what the upper bits of a record's info
// say for two of them (src/include/catalog/pg_control.h and src/include/access/xact.h), the same in PostgreSQL 13 to 18.
namespace pgrecall::wal_kind {

inline constexpr std::uint8_t last_builtin_manager = 21;
inline constexpr std::uint8_t first_custom_manager = 128;

inline constexpr std::uint8_t xlog_manager = 0;
inline constexpr std::uint8_t xlog_operation_bits = 0xF0;
inline constexpr std::uint8_t segment_switch = 0x40;
inline constexpr std::uint8_t restore_point = 0x70;

inline constexpr std::uint8_t transaction_manager = 1;
inline constexpr std::uint8_t transaction_operation_bits = 0x70;
inline constexpr std::uint8_t transaction_has_xinfo = 0x80;
inline constexpr std::uint8_t commit = 0x00;
inline constexpr std::uint8_t abort = 0x20;
inline constexpr std::uint8_t commit_prepared = 0x30;
inline constexpr std::uint8_t abort_prepared = 0x40;

}  // namespace pgrecall::wal_kind
