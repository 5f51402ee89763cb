#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "config/keys.h"
#include "config/text_forms.h"

namespace pgrecall {

namespace {
bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return true;
    }
  }
  return false;
}

std::string absolute(const std::string& directory, const std::string& path) {
  std::string normal = (std::filesystem::path(directory) / path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) {
    normal.pop_back();
  }
  return normal;
}

// Where a byte of a value stands in the file. Right for values of one line without escapes, as cron expressions are.
Position position_within(const YamlNode& value, std::size_t offset) {
  Position position = value.position;
  if (offset == 0) {
    return position;
  }
  const std::string_view before = std::string_view(value.text).substr(0, offset);
  position.column += value.style == YamlNode::Style::quoted ? 1 : 0;
  for (const char c : before) {
    position.column += (static_cast<unsigned char>(c) & 0xC0U) == 0x80U ? 0 : 1;
  }
  return position;
}

// Reads one section; sections within it are read by readers of their own.
class SectionReader final : public KeyVisitor {
 public:
  SectionReader(const YamlNode& map, std::string path, Position position, const std::string& directory, ReadResult& result)
      : path_(std::move(path)), position_(position), directory_(directory), result_(result) {
    for (const YamlEntry& entry : map.entries) {
      const auto [first, fresh] = first_.emplace(entry.key, &entry);
      if (!fresh) {
        report(entry.position, entry.key, "is there twice",
               fmt::format("the first is in line {}; remove one", first->second->position.line));
      }
    }
  }

  void value(const KeyInfo& info, const Value& value) override {
    if (value.type.list) {
      list(info, value);
      return;
    }
    const YamlEntry* entry = take(info, YamlNode::Kind::scalar, pgrecall::description(value.type));
    if (entry == nullptr || !fits(*entry, entry->value, value.type)) {
      return;
    }
    const bool path = value.type.kind == ValueType::Kind::path;
    if (const auto complaint = value.set(path ? absolute(directory_, entry->value.text) : entry->value.text)) {
      report(position_within(entry->value, complaint->offset), info.name, complaint->text, complaint->hint);
    }
  }

  void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) override {
    if (const YamlEntry* entry = take(info, YamlNode::Kind::map, "a section")) {
      SectionReader inner(entry->value, key_path(info.name), entry->position, directory_, result_);
      visit(inner);
      inner.report_unknown();
    }
  }

  void named_sections(const KeyInfo& info, const NamedSections& sections) override {
    const YamlEntry* entry = take(info, YamlNode::Kind::map, "a section of names");
    if (entry == nullptr) {
      return;
    }
    if (entry->value.entries.empty() && info.presence == KeyInfo::Presence::required) {
      report(entry->position, info.name, "is empty", "name at least one");
    }
    SectionReader names(entry->value, key_path(info.name), entry->position, directory_, result_);
    for (const auto& [name, named] : names.first_) {
      names.read_named(*named, sections);
    }
  }

  void report_unknown() {
    for (const auto& [key, entry] : first_) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        report(entry->position, key, "unknown key", suggest(key, known_, "keys here"));
      }
    }
  }

 private:
  void read_named(const YamlEntry& entry, const NamedSections& sections) {
    if (const auto complaint = check_name(entry.key)) {
      report(entry.position, entry.key, complaint->text, complaint->hint);
      return;
    }
    if (!has_kind(entry, YamlNode::Kind::map, "a section")) {
      return;
    }
    SectionReader inner(entry.value, key_path(entry.key), entry.position, directory_, result_);
    sections.visit(entry.key, inner);
    inner.report_unknown();
  }

  void list(const KeyInfo& info, const Value& value) {
    ValueType one = value.type;
    one.list = false;
    const YamlEntry* entry = take(info, YamlNode::Kind::sequence, fmt::format("a list, as [{}]", pgrecall::description(one)));
    if (entry == nullptr) {
      return;
    }
    if (entry->value.items.empty()) {
      report(entry->value.position, info.name, "is an empty list", "name at least one, or remove the key");
    }
    for (const YamlNode& item : entry->value.items) {
      if (item.kind != YamlNode::Kind::scalar) {
        report(item.position, info.name, fmt::format("has {} in the list", description(item.kind)),
               fmt::format("write {}", pgrecall::description(one)));
      } else if (fits(*entry, item, one)) {
        if (const auto complaint = value.set(item.text)) {
          report(item.position, info.name, complaint->text, complaint->hint);
        }
      }
    }
  }

  // The entry of that key if it is there and of that kind; anything else is reported.
  const YamlEntry* take(const KeyInfo& info, YamlNode::Kind kind, const std::string& what) {
    known_.emplace_back(info.name);
    const auto found = first_.find(std::string(info.name));
    if (found == first_.end()) {
      if (info.presence == KeyInfo::Presence::required) {
        report(position_, {}, fmt::format("has no \"{}\"", info.name), fmt::format("add {}: {}", info.name, what));
      }
      return nullptr;
    }
    return has_kind(*found->second, kind, what) ? found->second : nullptr;
  }

  bool has_kind(const YamlEntry& entry, YamlNode::Kind kind, std::string_view what) {
    // Of a section, what is wrong with the whole is told at its name.
    result_.positions.emplace(key_path(entry.key), kind == YamlNode::Kind::map ? entry.position : entry.value.position);
    if (entry.value.kind == YamlNode::Kind::null) {
      report(entry.position, entry.key, "has no value", fmt::format("give it one ({}), or remove the key", what));
      return false;
    }
    if (entry.value.kind != kind) {
      report(entry.value.position, entry.key, fmt::format("is {}, not {}", description(entry.value.kind), what), {});
      return false;
    }
    return true;
  }

  // `value` is that of the entry, or one of its list.
  bool fits(const YamlEntry& entry, const YamlNode& value, const ValueType& type) {
    const std::string_view what = value.text.empty() ? "is empty" : "has a line end or control character in it";
    if (value.text.empty() || has_control_character(value.text)) {
      report(value.position, entry.key, std::string(what), fmt::format("write one line: {}", pgrecall::description(type)));
      return false;
    }
    if (type.kind == ValueType::Kind::integer && value.style == YamlNode::Style::quoted) {
      report(value.position, entry.key, "is text, not a number", "remove the quotes");
      return false;
    }
    if (type.kind == ValueType::Kind::boolean && value.style == YamlNode::Style::quoted) {
      report(value.position, entry.key, "is text, not true or false", "remove the quotes");
      return false;
    }
    return true;
  }

  // Keys of the user's own making may be long or odd; in a path they are shown as in quotes, but without them.
  [[nodiscard]] std::string key_path(std::string_view key) const {
    const std::string shown = in_quotes(key);
    const std::string bare = shown.substr(1, shown.size() - 2);
    return path_.empty() ? bare : path_ + "." + bare;
  }

  void report(Position position, std::string_view key, std::string text, std::string hint) {
    result_.problems.push_back({{}, position, key.empty() ? path_ : key_path(key), std::move(text), std::move(hint)});
  }

  std::string path_;
  Position position_;
  const std::string& directory_;
  ReadResult& result_;
  std::map<std::string, const YamlEntry*> first_;  // of each key
  std::vector<std::string> known_;
};
}  // namespace

ReadResult read_tree(const YamlNode& root, const std::string& directory, Config& config) {
  ReadResult result;
  if (root.kind != YamlNode::Kind::map) {
    const bool empty = root.kind == YamlNode::Kind::null;
    result.problems.push_back(
        {{},
         root.position,
         {},
         empty ? "the configuration is empty" : fmt::format("the configuration is {}, not a section", description(root.kind)),
         "a minimal one has one repository and one cluster"});
    return result;
  }
  SectionReader reader(root, {}, root.position, directory, result);
  visit_keys(config, reader);
  reader.report_unknown();
  return result;
}

}  // namespace pgrecall
