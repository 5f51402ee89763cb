#include "repository/drill_record.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "repository/json_members.h"

namespace pgrecall {

namespace {

constexpr std::array<std::string_view, 4> state_names{"good", "warning", "bad", "not_checked"};
constexpr std::array<std::string_view, 4> aim_names{"newest", "random", "oldest", "asked"};

template <typename Enum, std::size_t size>
Enum enum_of(const std::array<std::string_view, size>& names, const JsonMembers& members, std::string_view key) {
  const std::string text = members.text(key);
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) {
    members.refuse(key);
  }
  return static_cast<Enum>(found - names.begin());
}

std::int64_t micros_of(Time time) { return time.time_since_epoch().count(); }

nlohmann::ordered_json micros_value(const std::optional<Time>& time) {
  return time ? nlohmann::ordered_json(micros_of(*time)) : nlohmann::ordered_json(nullptr);
}

// Whole numbers alone: what people read in decimals, formats keep in thousandths.
std::uint64_t millis_of(double seconds) { return static_cast<std::uint64_t>(std::max(0.0, seconds) * 1000 + 0.5); }

std::optional<Time> take_micros(const JsonMembers& members, std::string_view key) {
  const nlohmann::json& value = members.at(key);
  if (value.is_null()) {
    return std::nullopt;
  }
  if (!value.is_number_integer()) {
    members.refuse(key);
  }
  return Time(std::chrono::microseconds(value.get<std::int64_t>()));
}

double take_seconds(const JsonMembers& members, std::string_view key) {
  return static_cast<double>(members.number<std::uint64_t>(key)) / 1000;
}

DrillRecord::Check take_check(const nlohmann::json& json, std::string_view object_name) {
  const JsonMembers members(json, object_name);
  return {.state = enum_of<DrillRecord::State>(state_names, members, "state"),
          .what = members.text("what"),
          .detail = members.text("detail"),
          .hint = members.text("hint")};
}

}  // namespace

std::string_view name(DrillRecord::State state) noexcept { return state_names[static_cast<std::size_t>(state)]; }
std::string_view name(DrillRecord::Aim aim) noexcept { return aim_names[static_cast<std::size_t>(aim)]; }

std::string drills_prefix(std::string_view cluster) { return cluster_prefix(cluster).append("drills/"); }

std::string drill_name(std::string_view cluster, std::string_view id) { return drills_prefix(cluster).append(id); }

std::string format_drill(const DrillRecord& record) {
  nlohmann::ordered_json json{{"id", record.id}, {"cluster", record.cluster}};
  json["system_identifier"] = std::to_string(record.system_identifier);
  json["server_version"] = record.server_version;
  json["started_us"] = micros_of(record.started);
  json["finished_us"] = micros_of(record.finished);
  json["passed"] = record.passed;
  json["aim"] = name(record.aim);
  json["target"] = text_value(record.target);
  json["target_time_us"] = micros_value(record.target_time);
  json["backup"] = record.backup.text;
  json["timeline"] = record.timeline;
  json["reached_lsn"] = record.reached.to_string();
  json["last_commit_us"] = micros_value(record.last_commit);
  json["proven_until_us"] = micros_value(record.proven_until);
  json["restored_bytes"] = record.restored_bytes;
  json["wal_bytes"] = record.wal_bytes;
  json["restore_ms"] = millis_of(record.restore_seconds);
  json["replay_ms"] = millis_of(record.replay_seconds);
  json["check_ms"] = millis_of(record.check_seconds);
  json["total_ms"] = millis_of(record.total_seconds);
  json["checks"] = nlohmann::ordered_json::array();
  for (const DrillRecord::Check& check : record.checks) {
    json["checks"].push_back({{"state", name(check.state)},
                              {"what", text_value(check.what)},
                              {"detail", text_value(check.detail)},
                              {"hint", text_value(check.hint)}});
  }
  json["error"] = text_value(record.error);
  json["error_kind"] = record.error_kind;
  json["tool"] = record.tool;
  return json.dump();
}

DrillRecord parse_drill(std::string_view text, std::string_view object_name) {
  const nlohmann::json json = parse_json_object(text, object_name);
  const JsonMembers members(json, object_name);
  const auto required_time = [&](std::string_view key) {
    const auto time = take_micros(members, key);
    if (!time) {
      members.refuse(key);
    }
    return *time;
  };
  DrillRecord record;
  record.id = members.text("id");
  if (!object_name.ends_with("/" + record.id)) {
    members.refuse("id");
  }
  record.cluster = members.text("cluster");
  const std::string identifier = members.text("system_identifier");
  if (identifier.empty() || identifier.size() > 20 || identifier.find_first_not_of("0123456789") != std::string::npos) {
    members.refuse("system_identifier");
  }
  for (const char digit : identifier) {
    record.system_identifier = record.system_identifier * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  record.server_version = members.number<unsigned>("server_version");
  record.started = required_time("started_us");
  record.finished = required_time("finished_us");
  record.passed = members.flag("passed");
  record.aim = enum_of<DrillRecord::Aim>(aim_names, members, "aim");
  record.target = members.text("target");
  record.target_time = take_micros(members, "target_time_us");
  record.backup = BackupId{members.text("backup")};
  record.timeline = members.number<Timeline>("timeline");
  record.reached = members.lsn("reached_lsn");
  record.last_commit = take_micros(members, "last_commit_us");
  record.proven_until = take_micros(members, "proven_until_us");
  record.restored_bytes = members.number<std::uint64_t>("restored_bytes");
  record.wal_bytes = members.number<std::uint64_t>("wal_bytes");
  record.restore_seconds = take_seconds(members, "restore_ms");
  record.replay_seconds = take_seconds(members, "replay_ms");
  record.check_seconds = take_seconds(members, "check_ms");
  record.total_seconds = take_seconds(members, "total_ms");
  for (const nlohmann::json& check : members.array("checks")) {
    record.checks.push_back(take_check(check, object_name));
  }
  record.error = members.text("error");
  record.error_kind = members.text("error_kind");
  record.tool = members.text("tool");
  return record;
}

void put_drill(const Repository& repository, const DrillRecord& record) {
  const std::string object_name = drill_name(record.cluster, record.id);
  if (put_json(repository, ObjectKind::drill, object_name, format_drill(record)) == PutResult::already_exists) {
    throw Error(ErrorKind::failed, "there is a record of a drill of this name already", "run the drill again")
        .with("object", object_name);
  }
}

const std::vector<DrillRecord>& DrillHistory::read(const Repository& repository, const std::string& cluster, std::size_t limit) {
  std::vector<std::string> names;
  repository.store().list(drills_prefix(cluster), [&](const ObjectInfo& object) {
    if (parse_object_name(object.name).kind == NameKind::drill) {
      names.push_back(object.name);
    }
  });
  std::ranges::sort(names);
  names.erase(names.begin(), names.size() > limit ? names.end() - static_cast<std::ptrdiff_t>(limit) : names.begin());
  std::erase_if(records_,
                [&](const DrillRecord& record) { return !std::ranges::binary_search(names, drill_name(cluster, record.id)); });
  for (const std::string& object_name : names) {
    if (std::ranges::binary_search(seen_, object_name)) {
      continue;
    }
    try {
      if (const auto text = read_json(repository, ObjectKind::drill, object_name)) {
        records_.push_back(parse_drill(*text, object_name));
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      // verify reports it; the others are worth no less.
    }
  }
  seen_ = std::move(names);
  std::ranges::sort(records_, {}, &DrillRecord::id);
  return records_;
}

std::vector<DrillRecord> read_drills(const Repository& repository, const std::string& cluster, std::size_t limit) {
  return DrillHistory().read(repository, cluster, limit);
}

}  // namespace pgrecall
