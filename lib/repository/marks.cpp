#include "repository/marks.h"

#include "base/error.h"
#include "repository/json_members.h"

namespace pgrecall {

namespace {

constexpr std::size_t time_size = 16;

// Marks that answer the same question: the latest of them counts.
bool same_question(std::string_view one, std::string_view other) {
  const auto about_pins = [](std::string_view mark) { return mark == "pinned" || mark == "unpinned"; };
  return about_pins(one) == about_pins(other);
}

}  // namespace

std::optional<Mark> parse_mark_name(std::string_view rest) {
  if (rest.size() <= time_size + 1) {
    return std::nullopt;
  }
  const std::size_t dash = rest.size() - time_size - 1;
  const auto time = parse_time(rest.substr(dash + 1));
  if (rest[dash] != '-' || !time) {
    return std::nullopt;
  }
  return Mark{std::string(rest.substr(0, dash)), *time};
}

void put_mark(const Repository& repository, const std::string& cluster, const BackupId& id, std::string_view mark, Time time,
              const std::string& note) {
  Time at = std::chrono::floor<std::chrono::seconds>(time);
  // A mark says what holds from now on, also when it comes in the same second as another or the clock went back.
  repository.store().list(backups_prefix(cluster).append(id.text).append("/"), [&](const ObjectInfo& object) {
    const ParsedName parsed = parse_object_name(object.name);
    const auto other = parsed.kind == NameKind::mark ? parse_mark_name(parsed.rest) : std::nullopt;
    if (other && same_question(other->mark, mark) && other->time >= at) {
      at = other->time + std::chrono::seconds(1);
    }
  });
  const std::string name = mark_name(cluster, id, mark, at);
  if (parse_object_name(name).kind != NameKind::mark) {
    throw Error(ErrorKind::failed, "no such mark").with("mark", mark);
  }
  const nlohmann::ordered_json json = {{"mark", mark}, {"time", format_time(at)}, {"note", text_value(note)}};
  if (put_json(repository, ObjectKind::mark, name, json.dump()) == PutResult::already_exists) {
    throw Error(ErrorKind::failed, "somebody else made the same mark at this moment", "look at the backup, and try again")
        .with("object", name);
  }
}

std::string read_mark_note(const Repository& repository, const std::string& name) {
  const auto json = read_json(repository, ObjectKind::mark, name);
  if (!json) {
    return {};
  }
  const nlohmann::json members = parse_json_object(*json, name);
  return JsonMembers(members, name).text("note");
}

}  // namespace pgrecall
