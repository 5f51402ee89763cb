#include "repository/summary.h"

#include <array>
#include <charconv>

#include "base/error.h"
#include "repository/json_members.h"

// docs/repository-format.md, "JSON payloads".

namespace pgrecall {

namespace {

constexpr std::size_t max_page_failures = 1000;

constexpr std::array<std::pair<Keep, std::string_view>, 4> keep_names = {
    {{Keep::daily, "daily"}, {Keep::weekly, "weekly"}, {Keep::monthly, "monthly"}, {Keep::manual, "manual"}}};

nlohmann::ordered_json text_list(const std::vector<std::string>& texts) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const std::string& text : texts) {
    list.push_back(text_value(text));
  }
  return list;
}

std::vector<std::string> parse_text_list(const JsonMembers& members, std::string_view key) {
  std::vector<std::string> texts;
  for (const auto& value : members.array(key)) {
    texts.push_back(text_of_value(value, key, members.object_name()));
  }
  return texts;
}

void add_identity(nlohmann::ordered_json& json, const BackupSummary& summary) {
  json["id"] = summary.id.text;
  json["cluster"] = summary.cluster;
  json["system_identifier"] = std::to_string(summary.system_identifier);
  json["server_version"] = summary.server_version;
  json["started"] = format_time(summary.started);
  json["finished"] = format_time(summary.finished);
  json["start_lsn"] = summary.start_lsn.to_string();
  json["stop_lsn"] = summary.stop_lsn.to_string();
  json["timeline"] = summary.timeline;
  json["page_size"] = summary.page_size;
  json["wal_segment_size"] = summary.wal_segment_size;
  json["relation_segment_blocks"] = summary.relation_segment_blocks;
  json["page_checksums"] = summary.page_checksums;
  json["from_standby"] = summary.from_standby;
  json["label"] = text_value(summary.label);
  json["keep"] = name(summary.keep);
  json["note"] = text_value(summary.note);
  if (summary.parent) {
    json["parent"] = summary.parent->text;
  }
  json["compression"] = summary.compression;
}

void add_sizes(nlohmann::ordered_json& json, const BackupSummary& summary) {
  json["files"] = summary.files;
  json["logical_bytes"] = summary.logical_bytes;
  json["stored_bytes"] = summary.stored_bytes;
  json["shared_bytes"] = summary.shared_bytes;
  json["chunks_new"] = summary.chunks_new;
  json["chunks_shared"] = summary.chunks_shared;
  json["wal_bytes"] = summary.wal_bytes;
  json["manifest_size"] = summary.manifest_size;
  json["manifest_sha256"] = summary.manifest_digest.to_string();
}

// Absent where there are none, as in summaries of earlier versions.
void add_companions(nlohmann::ordered_json& json, const BackupSummary& summary) {
  for (const SummaryCompanion& companion : summary.companions) {
    nlohmann::ordered_json one{{"name", companion.name},
                               {"gathered", format_time(companion.gathered)},
                               {"files", companion.files},
                               {"bytes", companion.bytes}};
    if (!companion.problem.empty()) {
      one["problem"] = text_value(companion.problem);
    }
    one["secrets"] = text_list(companion.secrets);
    json["companions"].push_back(std::move(one));
  }
}

void add_lists(nlohmann::ordered_json& json, const BackupSummary& summary) {
  auto& tablespaces = json["tablespaces"] = nlohmann::ordered_json::array();
  for (const SummaryTablespace& tablespace : summary.tablespaces) {
    tablespaces.push_back({{"oid", tablespace.oid}, {"location", text_value(tablespace.location)}, {"size", tablespace.size}});
  }
  auto& failures = json["page_failures"] = nlohmann::ordered_json::array();
  for (const PageFailure& failure : summary.page_failures) {
    if (failures.size() == max_page_failures) {
      break;
    }
    failures.push_back({{"file", text_value(failure.file)},
                        {"block", failure.block},
                        {"expected", failure.expected},
                        {"found", failure.found},
                        {"reread", text_value(failure.reread)}});
  }
  json["page_failure_count"] = summary.page_failure_count;
  if (summary.torn_page_count > 0) {
    auto& torn = json["torn_pages"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < summary.torn_pages.size() && i < max_page_failures; ++i) {
      torn.push_back({{"file", text_value(summary.torn_pages[i].file)}, {"block", summary.torn_pages[i].block}});
    }
    json["torn_page_count"] = summary.torn_page_count;
  }
  json["configuration_files"] = text_list(summary.configuration_files);
  add_companions(json, summary);
  json["warnings"] = text_list(summary.warnings);
  json["tool"] = summary.tool;
}

BackupId backup_id(const JsonMembers& members, std::string_view key) {
  auto id = BackupId::parse(members.text(key));
  if (!id) {
    members.refuse(key);
  }
  return *id;
}

std::uint64_t system_identifier(const JsonMembers& members) {
  const std::string text = members.text("system_identifier");
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    members.refuse("system_identifier");
  }
  return value;
}

void parse_identity(const JsonMembers& members, BackupSummary& summary) {
  summary.id = backup_id(members, "id");
  summary.cluster = members.text("cluster");
  summary.system_identifier = system_identifier(members);
  summary.server_version = members.number<unsigned>("server_version");
  summary.started = members.time("started");
  summary.finished = members.time("finished");
  summary.start_lsn = members.lsn("start_lsn");
  summary.stop_lsn = members.lsn("stop_lsn");
  summary.timeline = members.number<Timeline>("timeline");
  summary.page_size = members.number<std::uint32_t>("page_size");
  summary.wal_segment_size = members.number<std::uint32_t>("wal_segment_size");
  summary.relation_segment_blocks = members.number<std::uint32_t>("relation_segment_blocks");
  summary.page_checksums = members.flag("page_checksums");
  summary.from_standby = members.flag("from_standby");
  summary.label = members.text("label");
  const auto keep = parse_keep(members.text("keep"));
  if (!keep) {
    members.refuse("keep");
  }
  summary.keep = *keep;
  summary.note = members.text("note");
  if (members.has("parent")) {
    summary.parent = backup_id(members, "parent");
  }
  summary.compression = members.text("compression");
}

void parse_sizes(const JsonMembers& members, BackupSummary& summary) {
  summary.files = members.number<std::uint64_t>("files");
  summary.logical_bytes = members.number<std::uint64_t>("logical_bytes");
  summary.stored_bytes = members.number<std::uint64_t>("stored_bytes");
  summary.shared_bytes = members.number<std::uint64_t>("shared_bytes");
  summary.chunks_new = members.number<std::uint64_t>("chunks_new");
  summary.chunks_shared = members.number<std::uint64_t>("chunks_shared");
  summary.wal_bytes = members.number<std::uint64_t>("wal_bytes");
  summary.manifest_size = members.number<std::uint64_t>("manifest_size");
  members.hex("manifest_sha256", summary.manifest_digest.bytes);
}

void parse_companions(const JsonMembers& members, BackupSummary& summary) {
  for (const auto& value : members.array("companions")) {
    const JsonMembers companion(value, members.object_name());
    summary.companions.push_back({.name = companion.text("name"),
                                  .gathered = companion.time("gathered"),
                                  .files = companion.number<std::uint64_t>("files"),
                                  .bytes = companion.number<std::uint64_t>("bytes"),
                                  .problem = companion.has("problem") ? companion.text("problem") : std::string(),
                                  .secrets = parse_text_list(companion, "secrets")});
  }
}

void parse_lists(const JsonMembers& members, BackupSummary& summary) {
  for (const auto& value : members.array("tablespaces")) {
    const JsonMembers tablespace(value, members.object_name());
    summary.tablespaces.push_back(
        {tablespace.number<std::uint32_t>("oid"), tablespace.text("location"), tablespace.number<std::uint64_t>("size")});
  }
  for (const auto& value : members.array("page_failures")) {
    const JsonMembers failure(value, members.object_name());
    summary.page_failures.push_back({failure.text("file"), failure.number<std::uint64_t>("block"),
                                     failure.number<std::uint16_t>("expected"), failure.number<std::uint16_t>("found"),
                                     failure.text("reread")});
  }
  summary.page_failure_count = members.number<std::uint64_t>("page_failure_count");
  if (members.has("torn_pages")) {
    for (const auto& value : members.array("torn_pages")) {
      const JsonMembers page(value, members.object_name());
      summary.torn_pages.push_back({page.text("file"), page.number<std::uint64_t>("block")});
    }
    summary.torn_page_count = members.number<std::uint64_t>("torn_page_count");
  }
  summary.configuration_files = parse_text_list(members, "configuration_files");
  if (members.has("companions")) {
    parse_companions(members, summary);
  }
  summary.warnings = parse_text_list(members, "warnings");
  summary.tool = members.text("tool");
}

}  // namespace

std::string_view name(Keep keep) noexcept {
  for (const auto& [value, text] : keep_names) {
    if (value == keep) {
      return text;
    }
  }
  return "unknown";
}

std::optional<Keep> parse_keep(std::string_view text) noexcept {
  for (const auto& [value, known] : keep_names) {
    if (known == text) {
      return value;
    }
  }
  return std::nullopt;
}

std::string format_summary(const BackupSummary& summary) {
  nlohmann::ordered_json json;
  add_identity(json, summary);
  add_sizes(json, summary);
  add_lists(json, summary);
  return json.dump();
}

BackupSummary parse_summary(std::string_view text, std::string_view object_name) {
  const nlohmann::json json = parse_json_object(text, object_name);
  const JsonMembers members(json, object_name);
  BackupSummary summary;
  parse_identity(members, summary);
  parse_sizes(members, summary);
  parse_lists(members, summary);
  return summary;
}

}  // namespace pgrecall
