#include "base/wording.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pgrecall {

namespace {
constexpr std::size_t longest_word = 64;  // bytes; longer ones are no typing errors

// Insertions, deletions, replacements and swaps of neighbours between two words of at most longest_word bytes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, longest_word + 1>;
  Row before_last{};
  Row last{};
  Row current{};
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    before_last = last;
    last = current;
  }
  return last[b.size()];
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c == '-' ? '_' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c); });
  return result;
}
}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > longest_word) {
    return std::nullopt;
  }
  const std::string wanted = lower(word);
  std::optional<std::string> best;
  std::size_t best_distance = wanted.size() < 4 ? 2 : wanted.size() / 3 + 2;  // exclusive
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest_word) {
      continue;
    }
    const std::size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggest(std::string_view word, const std::vector<std::string>& candidates, std::string_view what) {
  if (const auto near = nearest(word, candidates)) {
    return fmt::format("did you mean \"{}\"?", *near);
  }
  return candidates.empty() ? std::string() : fmt::format("{}: {}", what, fmt::join(candidates, ", "));
}

std::string in_quotes(std::string_view text) {
  std::string_view start = text.substr(0, longest_word);
  // Never half a character: JSON refuses text that is not UTF-8.
  while (start.size() < text.size() && !start.empty() && (static_cast<unsigned char>(text[start.size()]) & 0xC0U) == 0x80U) {
    start.remove_suffix(1);
  }
  std::string result = "\"";
  for (const char c : start) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  result += start.size() < text.size() ? "...\"" : "\"";
  return result;
}

}  // namespace pgrecall
