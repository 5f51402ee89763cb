#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace pgrecall {

// Rows of PostgreSQL's own catalogs, as far as their fixed columns go: src/include/catalog/pg_class.h, pg_namespace.h,
// pg_database.h, PostgreSQL 13 to 18.

inline constexpr std::uint32_t class_catalog = 1259;      // pg_class
inline constexpr std::uint32_t namespace_catalog = 2615;  // pg_namespace
inline constexpr std::uint32_t database_catalog = 1262;   // pg_database
inline constexpr std::uint32_t catalog_namespace = 11;    // the schema pg_catalog
inline constexpr std::uint32_t toast_namespace = 99;      // pg_toast
inline constexpr std::uint32_t first_user_oid = 16384;    // FirstNormalObjectId in src/include/access/transam.h

struct ClassRow {
  std::uint32_t oid = 0;
  std::string name;
  std::uint32_t schema = 0;      // its oid
  std::uint32_t node = 0;        // 0: it has no files, or pg_filenode.map knows them
  std::uint32_t tablespace = 0;  // 0: the database's
  float rows = 0;                // as the last VACUUM or ANALYZE estimated; below 0: none ran
  char persistence = 0;          // 'p' permanent, 'u' unlogged, 't' temporary
  char kind = 0;                 // 'r' table, 'i' index, 'S' sequence, 't' TOAST table, 'v' view, 'm' materialized view ...
};

struct NamespaceRow {
  std::uint32_t oid = 0;
  std::string name;
};

struct DatabaseRow {
  std::uint32_t oid = 0;
  std::string name;
  std::int32_t connection_limit = 0;
};
// pg_database.datconnlimit of a database that is being dropped (DATCONNLIMIT_INVALID_DB).
inline constexpr std::int32_t invalid_database_limit = -2;

// `columns`: HeapTuple::data. Nothing when they cannot be such a row.
[[nodiscard]] std::optional<ClassRow> parse_class_row(ByteView columns, unsigned major_version);
[[nodiscard]] std::optional<NamespaceRow> parse_namespace_row(ByteView columns);
[[nodiscard]] std::optional<DatabaseRow> parse_database_row(ByteView columns, unsigned major_version);

// Which files the catalogs have that cannot say so themselves: oid to node. src/backend/utils/cache/relmapper.c.
using RelationMap = std::map<std::uint32_t, std::uint32_t>;

// A pg_filenode.map, or what a WAL record brings of one. Nothing when it is none.
[[nodiscard]] std::optional<RelationMap> parse_relation_map(ByteView bytes);

}  // namespace pgrecall
