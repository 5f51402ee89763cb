#include "postgres/catalog_rows.h"

#include <bit>
#include <cstring>

#include "postgres/crc32c.h"

namespace pgrecall {

namespace {

constexpr std::size_t name_size = 64;  // NAMEDATALEN
constexpr std::size_t name_offset = 4;

// Of pg_class; from 18 on relallfrozen stands before the last three.
constexpr std::size_t class_schema = 68;
constexpr std::size_t class_node = 88;
constexpr std::size_t class_tablespace = 92;
constexpr std::size_t class_rows = 100;
constexpr std::size_t class_persistence = 114;
constexpr std::size_t class_kind = 115;
constexpr std::size_t class_shift_from_18 = 4;

// Of pg_database; until 14 the collation's names stand before it.
constexpr std::size_t database_limit_until_14 = 208;
constexpr std::size_t database_limit_from_15 = 80;

constexpr std::uint32_t relation_map_magic = 0x592717;  // RELMAPPER_FILEMAGIC
constexpr std::size_t relation_map_header = 8;
constexpr std::size_t relation_mapping_size = 8;
constexpr std::size_t mappings_until_15 = 62;
constexpr std::size_t mappings_from_16 = 64;

std::uint32_t number_at(ByteView bytes, std::size_t offset) { return load_little<std::uint32_t>(bytes.data() + offset); }
char char_at(ByteView bytes, std::size_t offset) { return static_cast<char>(bytes[offset]); }

// Empty when it is no name.
std::string name_at(ByteView columns) {
  const std::string_view field = text_of(columns.subspan(name_offset, name_size));
  const std::size_t end = field.find('\0');
  return end == std::string_view::npos ? std::string() : std::string(field.substr(0, end));
}

}  // namespace

std::optional<ClassRow> parse_class_row(ByteView columns, unsigned major_version) {
  const std::size_t shift = major_version >= 18 ? class_shift_from_18 : 0;
  if (columns.size() <= class_kind + shift) {
    return std::nullopt;
  }
  ClassRow row;
  row.oid = number_at(columns, 0);
  row.name = name_at(columns);
  row.schema = number_at(columns, class_schema);
  row.node = number_at(columns, class_node);
  row.tablespace = number_at(columns, class_tablespace);
  row.rows = std::bit_cast<float>(number_at(columns, class_rows));
  row.persistence = char_at(columns, class_persistence + shift);
  row.kind = char_at(columns, class_kind + shift);
  constexpr std::string_view kinds = "riSvmctfpI";
  if (row.oid == 0 || row.name.empty() || kinds.find(row.kind) == std::string_view::npos) {
    return std::nullopt;
  }
  return row;
}

std::optional<NamespaceRow> parse_namespace_row(ByteView columns) {
  if (columns.size() < name_offset + name_size) {
    return std::nullopt;
  }
  NamespaceRow row{.oid = number_at(columns, 0), .name = name_at(columns)};
  return row.oid == 0 || row.name.empty() ? std::nullopt : std::optional(row);
}

std::optional<DatabaseRow> parse_database_row(ByteView columns, unsigned major_version) {
  const std::size_t limit = major_version >= 15 ? database_limit_from_15 : database_limit_until_14;
  if (columns.size() < limit + sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  DatabaseRow row{.oid = number_at(columns, 0),
                  .name = name_at(columns),
                  .connection_limit = static_cast<std::int32_t>(number_at(columns, limit))};
  return row.oid == 0 || row.name.empty() ? std::nullopt : std::optional(row);
}

std::optional<RelationMap> parse_relation_map(ByteView bytes) {
  for (const std::size_t mappings : {mappings_until_15, mappings_from_16}) {
    const std::size_t crc_at = relation_map_header + mappings * relation_mapping_size;
    if (bytes.size() < crc_at + sizeof(std::uint32_t) || number_at(bytes, 0) != relation_map_magic ||
        number_at(bytes, sizeof(std::uint32_t)) > mappings || crc32c(bytes.first(crc_at)) != number_at(bytes, crc_at)) {
      continue;
    }
    RelationMap map;
    for (std::uint32_t i = 0; i < number_at(bytes, sizeof(std::uint32_t)); ++i) {
      const std::size_t at = relation_map_header + i * relation_mapping_size;
      map[number_at(bytes, at)] = number_at(bytes, at + sizeof(std::uint32_t));
    }
    return map;
  }
  return std::nullopt;
}

}  // namespace pgrecall
