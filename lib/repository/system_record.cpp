#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "repository/catalog.h"
#include "repository/json_members.h"

namespace pgrecall {

namespace {

std::string format_record(const SystemRecord& record) {
  const nlohmann::ordered_json json = {{"system_identifier", std::to_string(record.system_identifier)},
                                       {"server_version", record.server_version},
                                       {"page_size", record.page_size},
                                       {"wal_segment_size", record.wal_segment_size},
                                       {"page_checksums", record.page_checksums},
                                       {"first_seen", format_time(record.first_seen)}};
  return json.dump();
}

SystemRecord parse_record(std::string_view text, std::string_view object_name) {
  const nlohmann::json json = parse_json_object(text, object_name);
  const JsonMembers members(json, object_name);
  SystemRecord record;
  const std::string identifier = members.text("system_identifier");
  const char* end = identifier.data() + identifier.size();
  const auto parsed = std::from_chars(identifier.data(), end, record.system_identifier);
  if (parsed.ec != std::errc() || parsed.ptr != end || !object_name.ends_with("/" + identifier)) {
    members.refuse("system_identifier");
  }
  record.server_version = members.number<unsigned>("server_version");
  record.page_size = members.number<std::uint32_t>("page_size");
  record.wal_segment_size = members.number<std::uint32_t>("wal_segment_size");
  record.page_checksums = members.flag("page_checksums");
  record.first_seen = members.time("first_seen");
  return record;
}

std::optional<SystemRecord> read_record(const Repository& repository, const std::string& object_name) {
  const auto json = read_json(repository, ObjectKind::system, object_name);
  return json ? std::optional(parse_record(*json, object_name)) : std::nullopt;
}

void expect_same(std::string_view what, std::uint64_t stored, std::uint64_t found, const std::string& object_name) {
  if (stored != found) {
    throw Error(ErrorKind::failed, "the cluster differs from the one of the same system identifier that is stored",
                "back it up under another cluster name")
        .with("object", object_name)
        .with("property", what)
        .with("expected", stored)
        .with("found", found);
  }
}

}  // namespace

void record_system(const Repository& repository, const std::string& cluster, const SystemRecord& record) {
  const std::string object_name = system_name(cluster, record.system_identifier);
  auto stored = read_record(repository, object_name);
  if (!stored && put_json(repository, ObjectKind::system, object_name, format_record(record)) == PutResult::already_exists) {
    stored = read_record(repository, object_name);
  }
  if (stored) {
    expect_same("page_size", stored->page_size, record.page_size, object_name);
    expect_same("wal_segment_size", stored->wal_segment_size, record.wal_segment_size, object_name);
  }
}

std::optional<SystemRecord> read_system(const Repository& repository, const ClusterSystem& system) {
  return read_record(repository, system_name(system.cluster, system.identifier));
}

std::vector<SystemRecord> read_systems(const Repository& repository, const std::string& cluster) {
  std::vector<std::string> names;
  repository.store().list(cluster_prefix(cluster).append("systems/"), [&](const ObjectInfo& object) {
    if (parse_object_name(object.name).kind == NameKind::system) {
      names.push_back(object.name);
    }
  });
  std::vector<SystemRecord> records;
  for (const std::string& name : names) {
    if (auto record = read_record(repository, name)) {
      records.push_back(*record);
    }
  }
  std::ranges::sort(records, {},
                    [](const SystemRecord& record) { return std::pair(record.first_seen, record.system_identifier); });
  return records;
}

}  // namespace pgrecall
