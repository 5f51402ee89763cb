#include "postgres/relation_file.h"

#include "postgres/decimal.h"

namespace pgrecall {

namespace {

// Oids and file numbers as PostgreSQL prints them: no leading zero, and never 0 itself.
std::optional<std::uint32_t> parse_positive(std::string_view text) noexcept {
  if (text.empty() || text.front() == '0') {
    return std::nullopt;
  }
  return parse_decimal<std::uint32_t>(text);
}

// Cuts `text` at the first `separator`; the part before it is returned, nothing when there is none.
std::optional<std::string_view> take_until(std::string_view& text, char separator) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

std::optional<RelationFork> parse_fork(std::string_view suffix) noexcept {
  for (const RelationFork fork : {RelationFork::free_space_map, RelationFork::visibility_map, RelationFork::init}) {
    if (suffix == name(fork)) {
      return fork;
    }
  }
  return std::nullopt;  // the main fork has no suffix
}

// "<node>[_<fork>][.<segment>]" into `file`.
bool parse_file_name(std::string_view text, RelationFile& file) noexcept {
  if (const std::size_t dot = text.find('.'); dot != std::string_view::npos) {
    const auto segment = parse_positive(text.substr(dot + 1));
    if (!segment) {
      return false;
    }
    file.segment = *segment;
    text = text.substr(0, dot);
  }
  if (const std::size_t underscore = text.find('_'); underscore != std::string_view::npos) {
    const auto fork = parse_fork(text.substr(underscore + 1));
    if (!fork) {
      return false;
    }
    file.fork = *fork;
    text = text.substr(0, underscore);
  }
  const auto node = parse_positive(text);
  file.node = node.value_or(0);
  return node.has_value();
}

// "<database>/" at the front of `text` into `file`.
bool take_database(std::string_view& text, RelationFile& file) noexcept {
  const auto directory = take_until(text, '/');
  const auto database = directory ? parse_positive(*directory) : std::nullopt;
  file.database = database.value_or(0);
  return database.has_value();
}

// "<oid>/PG_<version>/" at the front of `text` into `file`.
bool take_tablespace(std::string_view& text, RelationFile& file) noexcept {
  const auto directory = take_until(text, '/');
  const auto tablespace = directory ? parse_positive(*directory) : std::nullopt;
  const auto version = take_until(text, '/');
  file.tablespace = tablespace.value_or(0);
  return tablespace && version && version->starts_with("PG_");
}

}  // namespace

std::optional<RelationFile> parse_relation_path(std::string_view path) noexcept {
  RelationFile file;
  const auto top = take_until(path, '/');
  bool in_place = false;
  if (top == "base") {
    file.tablespace = default_tablespace;
    in_place = take_database(path, file);
  } else if (top == "global") {
    file.tablespace = global_tablespace;
    in_place = true;
  } else if (top == "pg_tblspc") {
    in_place = take_tablespace(path, file) && take_database(path, file);
  }
  if (!in_place || !parse_file_name(path, file)) {
    return std::nullopt;
  }
  return file;
}

std::optional<std::uint32_t> first_block_of_segment(std::uint32_t segment, std::uint32_t blocks_per_segment) noexcept {
  const std::uint64_t first = static_cast<std::uint64_t>(segment) * blocks_per_segment;
  if (first > UINT32_MAX) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(first);
}

std::string_view name(RelationFork fork) noexcept {
  switch (fork) {
    case RelationFork::main: return "main";
    case RelationFork::free_space_map: return "fsm";
    case RelationFork::visibility_map: return "vm";
    case RelationFork::init: return "init";
  }
  return "unknown";
}

}  // namespace pgrecall
