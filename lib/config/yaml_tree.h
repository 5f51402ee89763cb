#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/problem.h"

// YAML as text with positions. yaml-cpp's own Node loses duplicate keys and reads "no" as false and "010" as 8, so the tree is
// built from its events, and scalars stay the text that somebody wrote.

namespace pgrecall {

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  enum class Style { plain, quoted };  // of a scalar

  Kind kind = Kind::null;
  Style style = Style::plain;
  Position position;
  std::string text;                // of a scalar
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map, in the file's order, duplicates included
};

struct YamlEntry {
  std::string key;
  Position position;  // of the key
  YamlNode value;
};

// "a list", "text" ... for messages.
[[nodiscard]] std::string_view description(YamlNode::Kind kind) noexcept;

// The one document in `text`; or what is wrong with it as YAML (file and key are empty). Never throws on any bytes; aliases are
// expanded up to a bound.
[[nodiscard]] std::variant<YamlNode, Problem> parse_yaml(const std::string& text);

}  // namespace pgrecall
