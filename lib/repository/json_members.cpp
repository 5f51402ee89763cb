#include "repository/json_members.h"

#include "base/error.h"

namespace pgrecall {

namespace {

Error unfit(std::string_view key, std::string_view object_name) {
  return Error(ErrorKind::corruption, "member of a JSON object is missing or makes no sense",
               "run pgrecall verify to see what else is damaged")
      .with("object", object_name)
      .with("member", key);
}

}  // namespace

void JsonMembers::refuse(std::string_view key) const { throw unfit(key, object_name_); }

bool JsonMembers::has(std::string_view key) const { return members_.contains(key); }

const nlohmann::json& JsonMembers::at(std::string_view key) const {
  const auto found = members_.is_object() ? members_.find(key) : members_.end();
  if (found == members_.end()) {
    refuse(key);
  }
  return *found;
}

std::string JsonMembers::text(std::string_view key) const { return text_of_value(at(key), key, object_name_); }

bool JsonMembers::flag(std::string_view key) const {
  const auto& value = at(key);
  if (!value.is_boolean()) {
    refuse(key);
  }
  return value.get<bool>();
}

Time JsonMembers::time(std::string_view key) const {
  const auto parsed = parse_time(text(key));
  if (!parsed) {
    refuse(key);
  }
  return *parsed;
}

Lsn JsonMembers::lsn(std::string_view key) const {
  const auto parsed = Lsn::parse(text(key));
  if (!parsed) {
    refuse(key);
  }
  return *parsed;
}

void JsonMembers::hex(std::string_view key, MutableByteView out) const {
  if (!from_hex(text(key), out)) {
    refuse(key);
  }
}

Bytes JsonMembers::base64(std::string_view key, std::size_t size) const {
  Bytes bytes;
  if (!from_base64(text(key), bytes) || bytes.size() != size) {
    refuse(key);
  }
  return bytes;
}

const nlohmann::json& JsonMembers::array(std::string_view key) const {
  const auto& value = at(key);
  if (!value.is_array()) {
    refuse(key);
  }
  return value;
}

std::uint64_t JsonMembers::number_up_to(std::string_view key, std::uint64_t most) const {
  const auto& value = at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
    refuse(key);
  }
  return value.get<std::uint64_t>();
}

nlohmann::json parse_json_object(std::string_view text, std::string_view object_name) {
  nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) {
    throw Error(ErrorKind::corruption, "payload is not a JSON object", "run pgrecall verify to see what else is damaged")
        .with("object", object_name);
  }
  return parsed;
}

nlohmann::ordered_json text_value(std::string_view text) {
  nlohmann::ordered_json value(text);
  try {
    // nlohmann tells what is not UTF-8 only when it writes it.
    static_cast<void>(value.dump());
    return value;
  } catch (const nlohmann::json::type_error&) {
    return {{"base64", to_base64(bytes_of(text))}};
  }
}

std::string text_of_value(const nlohmann::json& value, std::string_view key, std::string_view object_name) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  Bytes bytes;
  const auto encoded = value.is_object() ? value.find("base64") : value.end();
  if (!value.is_object() || encoded == value.end() || !encoded->is_string() ||
      !from_base64(encoded->get_ref<const std::string&>(), bytes)) {
    throw unfit(key, object_name);
  }
  return std::string(text_of(bytes));
}

}  // namespace pgrecall
