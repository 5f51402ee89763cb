#include "config/config.h"
#include "config/keys.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

using Kind = ValueType::Kind;

constexpr auto name_pattern = "^[a-z0-9][a-z0-9_-]{0,62}$";

ordered_json type_schema(const ValueType& type) {
  if (type.list) {
    ValueType one = type;
    one.list = false;
    ordered_json schema{{"type", "array"}, {"items", type_schema(one)}, {"minItems", 1}};
    if (!type.repeats) {
      schema["uniqueItems"] = true;
    }
    return schema;
  }
  switch (type.kind) {
    case Kind::boolean: return {{"type", "boolean"}};
    case Kind::integer: return {{"type", "integer"}, {"minimum", type.minimum}, {"maximum", type.maximum}};
    case Kind::choice: return {{"type", "string"}, {"enum", type.choices}};
    case Kind::name: return {{"type", "string"}, {"pattern", name_pattern}};
    case Kind::address: return {{"type", "string"}, {"pattern", "^file:///"}};
    case Kind::variable: return {{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}};
    case Kind::credential: return {{"type", "string"}, {"pattern", "^[^/: ]+$"}};
    case Kind::size: return {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]{1,6})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$"}};
    case Kind::rate: return {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]{1,6})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)/s$"}};
    case Kind::duration:
      return {
          {"type", "string"}, {"pattern", "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"}, {"minLength", 2}};
    case Kind::cron: return {{"type", "string"}, {"pattern", "^(never|@[A-Za-z]+|[0-9A-Za-z*,/#-]+( +[0-9A-Za-z*,/#-]+){4})$"}};
    case Kind::day_span: return {{"type", "string"}, {"pattern", "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}};
    case Kind::listen: return {{"type", "string"}, {"pattern", "^(off|.+:[0-9]+)$"}};
    case Kind::slot: return {{"type", "string"}, {"pattern", "^[a-z0-9_]{1,63}$"}};
    case Kind::alert: return {{"type", "string"}, {"pattern", "^Pgrecall[A-Za-z0-9]+$"}};
    case Kind::server: return {{"type", "string"}, {"pattern", ":[0-9]+$"}};
    case Kind::mail_address: return {{"type", "string"}, {"pattern", "^[^@ ]+@[^@ ]+$"}};
    case Kind::expectation: return {{"type", "string"}, {"pattern", "^ *(true|rows|no rows|(=|!=|<>|<=|>=|<|>).*[^ ].*) *$"}};
    case Kind::reading_budget:
      return {{"type", "string"},
              {"pattern", "^[0-9]+(\\.[0-9]{1,6})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$|^([0-9]+(w|d|h|m|s|ms))+$"}};
    case Kind::project: return {{"type", "string"}, {"pattern", "^[a-z]{20}$"}};
    case Kind::web_address: return {{"type", "string"}, {"pattern", "^https?://[^/?#@]+(/[^?#]*)?$"}};
    case Kind::text:
    case Kind::path:
    case Kind::conninfo:
    case Kind::secret:
    case Kind::timezone: return {{"type", "string"}, {"minLength", 1}};
  }
  return {{"type", "string"}};
}

// What holds where the key is absent, as the file would have it.
std::optional<ordered_json> fallback(const KeyInfo& info, const Value& value) {
  const auto text = value.get();
  if (!text || text->empty() || info.presence == KeyInfo::Presence::required) {
    return std::nullopt;
  }
  if (value.type.kind == ValueType::Kind::boolean) {
    return ordered_json(*text == "true");
  }
  return value.type.kind == ValueType::Kind::integer ? ordered_json(std::stoll(*text)) : ordered_json(*text);
}

class SchemaWriter final : public KeyVisitor {
 public:
  explicit SchemaWriter(ordered_json& object) : object_(object) {
    object_["type"] = "object";
    object_["additionalProperties"] = false;
  }

  void value(const KeyInfo& info, const Value& value) override {
    ordered_json& property = add(info);
    property.update(type_schema(value.type));
    if (const auto absent = fallback(info, value)) {
      property["default"] = *absent;
    }
  }

  void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) override {
    SchemaWriter inner(add(info));
    visit(inner);
  }

  void named_sections(const KeyInfo& info, const NamedSections& sections) override {
    ordered_json& property = add(info);
    property["type"] = "object";
    if (info.presence == KeyInfo::Presence::required) {
      property["minProperties"] = 1;
    }
    property["additionalProperties"] = false;
    SchemaWriter inner(property["patternProperties"][name_pattern]);
    sections.visit_defaults(inner);
  }

 private:
  ordered_json& add(const KeyInfo& info) {
    if (info.presence == KeyInfo::Presence::required) {
      object_["required"].push_back(std::string(info.name));
    }
    ordered_json& property = object_["properties"][std::string(info.name)];
    property["description"] = std::string(info.help);
    return property;
  }

  ordered_json& object_;
};

class KeyList final : public KeyVisitor {
 public:
  KeyList(std::vector<ConfigKey>& keys, std::string prefix) : keys_(keys), prefix_(std::move(prefix)) {}

  void value(const KeyInfo& info, const Value& value) override {
    const auto absent = fallback(info, value);
    const std::string text = absent ? (absent->is_string() ? absent->get<std::string>() : absent->dump()) : std::string();
    keys_.push_back({prefix_ + std::string(info.name), description(value.type), text,
                     info.presence == KeyInfo::Presence::required, std::string(info.help)});
  }

  void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) override {
    KeyList inner(keys_, prefix_ + std::string(info.name) + ".");
    visit(inner);
  }

  void named_sections(const KeyInfo& info, const NamedSections& sections) override {
    KeyList inner(keys_, prefix_ + std::string(info.name) + ".NAME.");
    sections.visit_defaults(inner);
  }

 private:
  std::vector<ConfigKey>& keys_;
  std::string prefix_;
};
}  // namespace

ordered_json config_schema() {
  ordered_json schema{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "pgrecall configuration"}};
  Config defaults;
  SchemaWriter writer(schema);
  visit_keys(defaults, writer);
  return schema;
}

std::vector<ConfigKey> config_keys() {
  std::vector<ConfigKey> keys;
  Config defaults;
  KeyList list(keys, {});
  visit_keys(defaults, list);
  return keys;
}

}  // namespace pgrecall
