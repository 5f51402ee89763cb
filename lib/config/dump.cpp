#include <yaml-cpp/emitter.h>

#include "config/config.h"
#include "config/keys.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

class Dump final : public KeyVisitor {
 public:
  explicit Dump(ordered_json& into) : into_(into) { into_ = ordered_json::object(); }

  void value(const KeyInfo& info, const Value& value) override {
    if (value.type.list && !value.items().empty()) {
      into_[std::string(info.name)] = value.items();
    }
    if (const auto text = value.get()) {
      ordered_json& place = into_[std::string(info.name)];
      if (value.type.kind == ValueType::Kind::integer) {
        place = std::stoll(*text);
      } else if (value.type.kind == ValueType::Kind::boolean) {
        place = *text == "true";
      } else {
        place = *text;
      }
    }
  }

  void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) override {
    Dump inner(into_[std::string(info.name)]);
    visit(inner);
    if (inner.into_.empty()) {
      into_.erase(std::string(info.name));
    }
  }

  void named_sections(const KeyInfo& info, const NamedSections& sections) override {
    ordered_json& named = into_[std::string(info.name)] = ordered_json::object();
    for (const std::string& name : sections.names()) {
      Dump inner(named[name]);
      sections.visit(name, inner);
    }
  }

 private:
  ordered_json& into_;
};

// Numbers stay bare, text that a YAML reader could take for something else is quoted by the emitter's own rules or by ours.
void emit(YAML::Emitter& out, const ordered_json& value) {
  if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const ordered_json& item : value) {
      emit(out, item);
    }
    out << YAML::EndSeq;
    return;
  }
  if (!value.is_object()) {
    if (value.is_string()) {
      const std::string& text = value.get_ref<const std::string&>();
      const bool plain =
          text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == std::string::npos &&
          text.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/") != std::string::npos;
      if (plain) {
        out << text;
      } else {
        out << YAML::DoubleQuoted << text;
      }
    } else if (value.is_boolean()) {
      out << value.get<bool>();
    } else {
      out << value.get<std::int64_t>();
    }
    return;
  }
  out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
  for (const auto& [key, inner] : value.items()) {
    out << YAML::Key << key << YAML::Value;
    emit(out, inner);
  }
  out << YAML::EndMap;
}
}  // namespace

ordered_json to_json(const Config& config) {
  Config copy = config;  // visitors may write, and this one must not change what it shows
  ordered_json result;
  Dump dump(result);
  visit_keys(copy, dump);
  return result;
}

std::string to_yaml(const Config& config) {
  YAML::Emitter out;
  emit(out, to_json(config));
  return std::string(out.c_str()) + "\n";
}

ordered_json to_json(const std::vector<Problem>& problems) {
  ordered_json list = ordered_json::array();
  for (const Problem& problem : problems) {
    list.push_back({{"file", problem.file},
                    {"line", problem.position.line},
                    {"column", problem.position.column},
                    {"key", problem.key},
                    {"problem", problem.text},
                    {"hint", problem.hint}});
  }
  return list;
}

}  // namespace pgrecall
