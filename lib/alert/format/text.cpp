#include "alert/format/text.h"

#include <cstdint>
#include <optional>

namespace pgrecall {

namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view dots = "\xE2\x80\xA6";

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// One code point as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint first_of(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80U) {
    return {lead, 1, true};
  }
  const std::size_t length = lead >= 0xF0U ? 4 : (lead >= 0xE0U ? 3 : 2);
  constexpr std::uint32_t least[] = {0, 0, 0x80U, 0x800U, 0x10000U};
  if (lead < 0xC2U || lead > 0xF4U || text.size() < length) {
    return {};
  }
  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return {};
    }
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  if (value < least[length] || value > 0x10FFFFU || (value >= 0xD800U && value <= 0xDFFFU)) {
    return {};
  }
  return {value, length, true};
}

bool is_control(std::uint32_t value) noexcept { return value < 0x20U || (value >= 0x7FU && value < 0xA0U); }

// LRM, RLM, embeddings, overrides, isolates, and the separators of lines and paragraphs.
bool is_deceiving(std::uint32_t value) noexcept {
  return value == 0x200EU || value == 0x200FU || value == 0x061CU || (value >= 0x2028U && value <= 0x202EU) ||
         (value >= 0x2066U && value <= 0x2069U) || value == 0xFEFFU;
}

std::string escaped(std::string_view one, Markup markup) {
  constexpr std::string_view markdown_signs = "\\`*_{}[]()#+-.!|~>";
  const char c = one.front();
  if (markup == Markup::slack || markup == Markup::html) {
    switch (c) {
      case '&': return "&amp;";
      case '<': return "&lt;";
      case '>': return "&gt;";
      case '"': return markup == Markup::html ? "&quot;" : "\"";
      default: return std::string(one);
    }
  }
  // A '<' begins mentions at Discord (<@everyone>) and tags at Teams.
  if (markup == Markup::markdown && one.size() == 1 && (markdown_signs.find(c) != std::string_view::npos || c == '<')) {
    return std::string("\\") + c;
  }
  return std::string(one);
}

// Without the dot of file names, the hyphen of words and the like, which mean nothing within a line.
bool needs_escape(std::string_view text, std::size_t at) noexcept {
  const char c = text[at];
  const bool at_start = at == 0 || text[at - 1] == '\n';
  if (c == '.' || c == '+' || c == '-' || c == '#' || c == '!' || c == '(' || c == ')' || c == '{' || c == '}') {
    return at_start || (c == '#' && text[at - 1] == '#');
  }
  return true;
}
}  // namespace

std::string clean(std::string_view text, Lines lines) {
  std::string result;
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    if (!point.valid) {
      result += replacement;
    } else if (point.value == '\n' && lines == Lines::several) {
      result += '\n';
    } else if (point.value == '\n' || point.value == '\t') {
      result += ' ';
    } else if (!is_control(point.value) && !is_deceiving(point.value)) {
      result += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return result;
}

std::size_t utf16_length(std::string_view text) noexcept {
  std::size_t units = 0;
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    units += point.value > 0xFFFFU ? 2 : 1;
    text.remove_prefix(point.bytes);
  }
  return units;
}

std::string fit(std::string_view text, std::size_t limit, Markup markup) {
  std::string result;
  std::size_t units = 0;
  std::size_t keep = 0;  // of the result, so that the dots fit behind it
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = first_of(text.substr(at));
    const std::string_view one = text.substr(at, point.bytes);
    const bool plain = markup == Markup::markdown && !needs_escape(text, at);
    const std::string piece = point.valid ? (plain ? std::string(one) : escaped(one, markup)) : std::string(replacement);
    const std::size_t length = utf16_length(piece);
    if (units + length > limit) {
      result.resize(keep);
      return limit == 0 ? std::string() : result + std::string(dots);
    }
    units += length;
    result += piece;
    if (units + 1 <= limit) {
      keep = result.size();
    }
    at += point.bytes;
  }
  return result;
}

}  // namespace pgrecall
