#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgrecall {

// Files of relations, told by their paths in the data directory. Source: PostgreSQL's src/common/relpath.c and
// src/include/common/relpath.h (forks, directories), src/backend/storage/smgr/md.c (segments).

enum class RelationFork { main, free_space_map, visibility_map, init };

struct RelationFile {
  // 1663 (pg_default) for base/, 1664 (pg_global) for global/, else the number in pg_tblspc/<number>/.
  std::uint32_t tablespace = 0;
  std::uint32_t database = 0;  // 0 in global/
  std::uint32_t node = 0;      // the relation's file number, not its oid
  RelationFork fork = RelationFork::main;
  std::uint32_t segment = 0;  // 0 is the file without a suffix

  bool operator==(const RelationFile&) const = default;
};

inline constexpr std::uint32_t default_tablespace = 1663;            // pg_default in src/include/catalog/pg_tablespace.dat
inline constexpr std::uint32_t global_tablespace = 1664;             // pg_global
inline constexpr std::uint32_t default_blocks_per_segment = 131072;  // RELSEG_SIZE; the cluster's own is in pg_control

// Reads base/<db>/<node>[_<fork>][.<segment>], global/<node>... and pg_tblspc/<oid>/PG_<version>/<db>/<node>..., relative to the
// data directory, without a leading "./". Nothing for all that is not such a file: temporary relations (t3_16384), pg_control,
// pg_filenode.map, pg_internal.init, PG_VERSION, incremental files, names with leading zeros or numbers beyond 32 bits.
// Exactly the paths that it accepts consist of pages with checksums (every fork has them), where the cluster has checksums.
[[nodiscard]] std::optional<RelationFile> parse_relation_path(std::string_view path) noexcept;

// The number of the first page of a segment file within its fork; `blocks_per_segment` is pg_control's.
// Nothing when it would not fit a block number (there is no such segment then).
[[nodiscard]] std::optional<std::uint32_t> first_block_of_segment(std::uint32_t segment,
                                                                  std::uint32_t blocks_per_segment) noexcept;

// The number of a fork's page within its segment file.
[[nodiscard]] constexpr std::uint32_t block_in_segment(std::uint32_t block, std::uint32_t blocks_per_segment) noexcept {
  return block % blocks_per_segment;
}

// "main", "fsm", "vm", "init".
[[nodiscard]] std::string_view name(RelationFork fork) noexcept;

}  // namespace pgrecall
