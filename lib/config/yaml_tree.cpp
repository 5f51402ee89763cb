#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

namespace pgrecall {

namespace {
// Far above any real configuration; they stop files whose aliases multiply ("billion laughs") and stacks of brackets.
constexpr std::size_t max_nodes = 100'000;
constexpr std::size_t max_depth = 32;

Position position_of(const YAML::Mark& mark) { return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1}; }

// Ends the walk through yaml-cpp's parser; caught in parse_yaml().
struct TreeProblem {
  Problem problem;
};

[[noreturn]] void refuse(Position position, std::string text, std::string hint = {}) {
  throw TreeProblem{{{}, position, {}, std::move(text), std::move(hint)}};
}

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) {
    count += count_nodes(item);
  }
  for (const YamlEntry& entry : node.entries) {
    count += count_nodes(entry.value);
  }
  return count;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(position_of(mark), "a second document begins here", "keep one document in the file: remove the line \"---\"");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(leaf(YamlNode::Kind::null, mark), anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node = leaf(YamlNode::Kind::scalar, mark);
    if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str") {
      refuse(node.position, "tags are not supported", "remove the word that begins with \"!\"");
    }
    node.style = tag == "?" ? YamlNode::Style::plain : YamlNode::Style::quoted;
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      refuse(position_of(mark), "this alias stands inside what it refers to");
    }
    count(count_nodes(known->second), position_of(mark));
    add(known->second, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(leaf(YamlNode::Kind::sequence, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(leaf(YamlNode::Kind::map, mark), anchor);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] YamlNode take_root() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool expects_value = false;  // of a map: its last entry has a key only
  };

  YamlNode leaf(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.position = position_of(mark);
    count(1, node.position);
    return node;
  }

  void count(std::size_t more, Position position) {
    nodes_ += more;
    if (nodes_ > max_nodes) {
      refuse(position, "the file is too big", "a configuration has at most 100000 values, aliases included");
    }
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().expects_value;
  }

  void open(YamlNode node, YAML::anchor_t anchor) {
    if (expects_key()) {
      refuse(node.position, "a key must be text", "put quotes around it if it is");
    }
    if (open_.size() >= max_depth) {
      refuse(node.position, "nested too deeply");
    }
    open_.push_back({std::move(node), anchor, false});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (expects_key()) {
      if (node.kind != YamlNode::Kind::scalar) {
        refuse(node.position, "a key must be text", "put quotes around it if it is");
      }
      parent.node.entries.push_back({std::move(node.text), node.position, {}});
      parent.expects_value = true;
    } else {
      YamlEntry& entry = parent.node.entries.back();
      // An empty value has no place of its own: yaml-cpp marks whatever comes next.
      node.position = node.kind == YamlNode::Kind::null ? entry.position : node.position;
      entry.value = std::move(node);
      parent.expects_value = false;
    }
  }

  int documents_ = 0;
  std::size_t nodes_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
};
// Bytes of the UTF-8 character that `text` begins with (RFC 3629); 0 when it begins with none.
std::size_t character_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = at(0);
  const auto follows = [&at](std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) {
      if ((at(i) & 0xC0U) != 0x80U) {
        return false;
      }
    }
    return true;
  };
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return follows(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && at(1) < 0xA0;
    const bool surrogate = first == 0xED && at(1) >= 0xA0;
    return follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && at(1) < 0x90;
    const bool too_big = first == 0xF4 && at(1) >= 0x90;
    return follows(3) && !overlong && !too_big ? 4 : 0;
  }
  return 0;
}

// yaml-cpp passes broken UTF-8 on, and takes a byte of 4 for the end of the file, so that the rest would be ignored in silence.
std::optional<Problem> check_characters(std::string_view text) {
  Position position;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      return Problem{{}, position, {}, "the file is not UTF-8 here", "save it as UTF-8"};
    }
    if ((first < 0x20 && first != '\n' && first != '\r' && first != '\t') || first == 0x7F) {
      return Problem{{}, position, {}, "there is a control character here", "remove it"};
    }
    position = first == '\n' ? Position{position.line + 1, 1} : Position{position.line, position.column + 1};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Just behind the last character, which is where yaml-cpp itself forgets the column.
Position end_of(std::string_view text) {
  const auto last_line = text.rfind('\n') + 1;
  return {static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1,
          static_cast<int>(count_characters(text.substr(last_line))) + 1};
}
}  // namespace

std::string_view description(YamlNode::Kind kind) noexcept {
  switch (kind) {
    case YamlNode::Kind::null: return "nothing";
    case YamlNode::Kind::scalar: return "a single value";
    case YamlNode::Kind::sequence: return "a list";
    case YamlNode::Kind::map: return "a section";
  }
  return "nothing";
}

std::variant<YamlNode, Problem> parse_yaml(const std::string& text) {
  if (auto problem = check_characters(text)) {
    return *problem;
  }
  // Without its last line ends: yaml-cpp overlooks that a quote is never closed when one stands before the end.
  const std::string trimmed = text.substr(0, text.find_last_not_of("\r\n") + 1);
  std::istringstream stream(trimmed);
  TreeBuilder builder;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const TreeProblem& refused) {
    return refused.problem;
  } catch (const YAML::Exception& error) {
    const bool at_end = error.mark.pos >= 0 && static_cast<std::size_t>(error.mark.pos) >= count_characters(trimmed);
    return Problem{{}, at_end ? end_of(trimmed) : position_of(error.mark), {}, "not valid YAML: " + error.msg, {}};
  }
  return builder.take_root();
}

}  // namespace pgrecall
