#include "commands/option_values.h"

#include <charconv>

#include "base/error.h"
#include "base/units.h"
#include "config/problem.h"

namespace pgrecall {

namespace {
[[nodiscard]] Error wrong(std::string_view option, const std::string& text, std::string hint) {
  return Error(ErrorKind::usage, std::string(option) + ": " + in_quotes(text) + " cannot be used", std::move(hint));
}

// The whole of `text` as a number.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

struct Levels {
  int lowest;
  int highest;
};

Levels levels_of(CompressionMethod method) noexcept {
  switch (method) {
    case CompressionMethod::zstd: return {-7, 19};
    case CompressionMethod::lz4: return {1, 12};
    case CompressionMethod::none: break;
  }
  return {1, 1};
}
}  // namespace

std::uint64_t take_rate(std::string_view option, const std::string& text) {
  const auto rate = parse_rate(text);
  if (!rate || *rate == 0) {
    throw wrong(option, text, "a rate has a number and a unit, such as 50MB/s or 64MiB/s");
  }
  return *rate;
}

Compression take_compression(std::string_view option, const std::string& text) {
  const std::string_view all = text;
  const std::size_t colon = all.find(':');
  const auto method = parse_compression_method(all.substr(0, colon));
  if (!method) {
    throw wrong(option, text, "methods: zstd, lz4, none; a level may follow, such as zstd:3");
  }
  Compression compression{.method = *method, .level = 1};
  if (colon == std::string_view::npos) {
    return compression;
  }
  if (*method == CompressionMethod::none) {
    throw wrong(option, text, "none has no level");
  }
  const auto level = parse_number<int>(all.substr(colon + 1));
  const Levels levels = levels_of(*method);
  if (!level || *level < levels.lowest || *level > levels.highest) {
    throw wrong(option, text,
                "levels of " + std::string(name(*method)) + " are " + std::to_string(levels.lowest) + " to " +
                    std::to_string(levels.highest));
  }
  compression.level = *level;
  return compression;
}

double take_fraction(std::string_view option, const std::string& text) {
  if (text == "all") {
    return 1.0;
  }
  const std::string_view all = text;
  const auto percent = all.ends_with('%') ? parse_number<double>(all.substr(0, all.size() - 1)) : std::nullopt;
  // Also false for a value that is no number at all.
  if (!percent || !(*percent > 0 && *percent <= 100)) {
    throw wrong(option, text, "say all, or a percentage such as 10%");
  }
  return *percent / 100;
}

std::chrono::milliseconds take_duration(std::string_view option, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration) {
    throw wrong(option, text, "write a duration as 7d, 36h or 0s");
  }
  if (*duration > longest_duration) {
    throw wrong(option, text, "it is too long: write at most 36525d");
  }
  return *duration;
}

Error not_one_of(std::string_view option, const std::string& text, const std::vector<std::string_view>& words) {
  std::string list;
  for (const std::string_view word : words) {
    list.append(list.empty() ? "" : ", ").append(word);
  }
  return wrong(option, text, "it is one of: " + list);
}

std::string check_note(const std::string& text) {
  constexpr std::size_t longest = 1000;
  return text.size() <= longest ? std::string() : "a note has at most " + std::to_string(longest) + " bytes";
}

std::pair<std::string, std::string> take_pair(std::string_view option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw wrong(option, text, "it is OLD=NEW: the location in the backup (or its oid), and the new directory");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace pgrecall
