#include <algorithm>
#include <array>

#include "repository/names.h"

// The way back from an object's name to what it is.

namespace pgrecall {

namespace {

constexpr std::array<std::string_view, 5> marks = {"pinned", "unpinned", "verified", "damaged", "expired"};

bool all_of(std::string_view text, std::size_t size, std::string_view letters) {
  return text.size() == size && text.find_first_not_of(letters) == std::string_view::npos;
}
constexpr std::string_view lower_digits = "0123456789abcdef";
constexpr std::string_view upper_digits = "0123456789ABCDEF";

// Cuts the part up to the next '/' off the front; the rest is left.
std::string_view take_part(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view part = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return part;
}

bool is_mark(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  return dash != std::string_view::npos && std::ranges::find(marks, text.substr(0, dash)) != marks.end() &&
         text.size() == dash + 17 && parse_time(text.substr(dash + 1)).has_value();
}

// "FFFFFFFF-FFFFFFFF", lower case.
bool is_range(std::string_view text) {
  return text.size() == 17 && text[8] == '-' && all_of(text.substr(0, 8), 8, lower_digits) &&
         all_of(text.substr(9), 8, lower_digits);
}

NameKind system_kind(std::string_view rest, ParsedName& name) {
  name.system = parse_system_identifier(rest);
  return name.system ? NameKind::system : NameKind::other;
}

NameKind backup_kind(std::string_view rest, ParsedName& name) {
  name.backup = BackupId::parse(take_part(rest));
  if (!name.backup) {
    return NameKind::other;
  }
  name.rest = rest;
  if (rest == "summary") {
    return NameKind::summary;
  }
  if (rest == "manifest") {
    return NameKind::manifest;
  }
  return is_mark(rest) ? NameKind::mark : NameKind::other;
}

NameKind pack_kind(std::string_view rest, ParsedName& name) {
  constexpr std::string_view moved = ".moved";
  const std::string_view folder = take_part(rest);
  const bool relocation = rest.ends_with(moved);
  name.rest = rest;
  if (relocation) {
    rest.remove_suffix(moved.size());
  }
  name.pack = PackId::parse(rest);
  if (!name.pack || !rest.starts_with(folder) || folder.size() != 2) {
    name.pack.reset();
    return NameKind::other;
  }
  return relocation ? NameKind::relocation : NameKind::pack;
}

// <LSN>.time-<time>
bool is_wal_time(std::string_view rest) {
  constexpr std::string_view infix = ".time-";
  return rest.size() == 16 + infix.size() + 16 && all_of(rest.substr(0, 16), 16, upper_digits) &&
         rest.substr(16, infix.size()) == infix && parse_time(rest.substr(16 + infix.size())).has_value();
}

NameKind in_system(std::string_view rest, ParsedName& name) {
  name.rest = rest;
  if (rest.ends_with(".history")) {
    return all_of(rest.substr(0, rest.size() - 8), 8, upper_digits) ? NameKind::history : NameKind::other;
  }
  const std::string_view folder = take_part(rest);
  name.rest = rest;
  if (is_wal_time(rest)) {
    return all_of(folder, 8, upper_digits) ? NameKind::wal_time : NameKind::other;
  }
  const std::string_view segment = rest.substr(0, 24);
  if (!all_of(segment, 24, upper_digits) || segment.substr(0, 8) != folder) {
    return NameKind::other;
  }
  if (rest.size() == 24) {
    return NameKind::wal_segment;
  }
  return rest[24] == '.' && is_range(rest.substr(25)) ? NameKind::wal_tail : NameKind::other;
}

NameKind wal_kind(std::string_view rest, ParsedName& name) {
  name.system = parse_system_identifier(take_part(rest));
  const NameKind kind = name.system ? in_system(rest, name) : NameKind::other;
  if (kind == NameKind::other) {
    name.system.reset();
  }
  return kind;
}

// <time>-<8 digits>
bool is_drill(std::string_view rest) {
  return rest.size() == 25 && rest[16] == '-' && parse_time(rest.substr(0, 16)).has_value() &&
         all_of(rest.substr(17), 8, lower_digits);
}

NameKind in_cluster(std::string_view rest, ParsedName& name) {
  const std::string_view cluster = take_part(rest);
  if (!valid_cluster_name(cluster)) {
    return NameKind::other;
  }
  name.cluster = cluster;
  const std::string_view folder = take_part(rest);
  name.rest = rest;
  if (folder == "systems") {
    return system_kind(rest, name);
  }
  if (folder == "backups") {
    return backup_kind(rest, name);
  }
  if (folder == "packs") {
    return pack_kind(rest, name);
  }
  if (folder == "drills") {
    return is_drill(rest) ? NameKind::drill : NameKind::other;
  }
  if (folder == "verified") {
    return rest.size() == 16 && parse_time(rest).has_value() ? NameKind::verify_ledger : NameKind::other;
  }
  return folder == "wal" ? wal_kind(rest, name) : NameKind::other;
}

}  // namespace

ParsedName parse_object_name(std::string_view name) {
  constexpr std::string_view json = ".json";
  ParsedName parsed;
  if (name == "pgrecall.json") {
    parsed.kind = NameKind::repository;
    return parsed;
  }
  std::string_view rest = name;
  const std::string_view folder = take_part(rest);
  parsed.rest = rest;
  if (folder == "clusters") {
    parsed.kind = in_cluster(rest, parsed);
  } else if (folder == "leases" && !rest.empty()) {
    parsed.kind = NameKind::lease;
  } else if (folder == "keys" && rest.ends_with(json) && all_of(rest.substr(0, rest.size() - json.size()), 16, lower_digits)) {
    parsed.kind = NameKind::key;
    parsed.rest = rest.substr(0, rest.size() - json.size());
  }
  return parsed;
}

}  // namespace pgrecall
