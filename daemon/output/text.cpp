#include "output/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace pgrecall {

namespace {
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

// One character off the front of a text that is not empty. A byte that starts no valid sequence is one character.
Character first_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (length == 1 || lead >= 0xF8 || text.size() < length) {
    return {lead < 0x80 ? lead : U'\uFFFD', 1};
  }
  char32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return {U'\uFFFD', 1};
    }
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  return {code, length};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Marks and joiners that stand on the character before them.
constexpr std::array<Range, 8> zero_width{{{0x0300, 0x036F},
                                           {0x0483, 0x0489},
                                           {0x0591, 0x05BD},
                                           {0x064B, 0x065F},
                                           {0x200B, 0x200F},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F}}};
// Unicode's East Asian Width W and F, in blocks.
constexpr std::array<Range, 11> double_width{{{0x1100, 0x115F},
                                              {0x2E80, 0x303E},
                                              {0x3041, 0xA4CF},
                                              {0xAC00, 0xD7A3},
                                              {0xF900, 0xFAFF},
                                              {0xFE30, 0xFE6F},
                                              {0xFF00, 0xFF60},
                                              {0xFFE0, 0xFFE6},
                                              {0x1F300, 0x1F64F},
                                              {0x1F900, 0x1F9FF},
                                              {0x20000, 0x3FFFD}}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t code) noexcept {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return code >= r.first && code <= r.last; });
}

std::size_t width_of(char32_t code) noexcept { return within(zero_width, code) ? 0 : within(double_width, code) ? 2 : 1; }

bool is_control(char32_t code) noexcept { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

std::string format_local(Time time, const char* format) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) {
    return format_time(time);
  }
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}
}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += width_of(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character character = first_character(text);
    if (is_control(character.code)) {
      out += character.code == '\n' || character.code == '\t' ? ' ' : '?';
    } else {
      out += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) {
    return std::string(text);
  }
  std::string out;
  std::size_t used = 1;  // the ellipsis
  while (!text.empty()) {
    const Character character = first_character(text);
    used += width_of(character.code);
    if (used > width) {
      break;
    }
    out += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return width == 0 ? std::string() : out + "…";
}

std::string format_local_time(Time time) { return format_local(time, "%Y-%m-%d %H:%M %Z"); }

std::string format_local_second(Time time) { return format_local(time, "%Y-%m-%d %H:%M:%S %Z"); }

std::string format_local_date(Time time) { return format_local(time, "%Y-%m-%d"); }

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string format_count(std::uint64_t count, std::string_view singular, std::string_view plural) {
  return format_count(count) + " " + std::string(count == 1 ? singular : plural);
}

std::string format_percent(std::uint64_t part, std::uint64_t whole) {
  if (part == 0 || whole == 0) {
    return "0%";
  }
  if (part >= whole) {
    return "100%";
  }
  // Never rounded up to 100 nor down to 0: both would claim what is not so.
  const double percent = std::clamp(100.0 * static_cast<double>(part) / static_cast<double>(whole), 0.1, 99.9);
  return fmt::format("{:.1f}%", percent);
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace pgrecall
