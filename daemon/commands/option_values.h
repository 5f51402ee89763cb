#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codec/compression.h"

namespace pgrecall {

[[nodiscard]] Error not_one_of(std::string_view option, const std::string& text, const std::vector<std::string_view>& words);

// Values of options, as text. Each throws Error{usage} that names the option and says what would do.

// "50MB/s": bytes per second.
[[nodiscard]] std::uint64_t take_rate(std::string_view option, const std::string& text);
// "zstd", "zstd:3", "lz4", "none".
[[nodiscard]] Compression take_compression(std::string_view option, const std::string& text);
// "all" is 1.0, "10%" is 0.1.
[[nodiscard]] double take_fraction(std::string_view option, const std::string& text);
// "7d", "36h", "0s": at most a hundred years, as in the configuration, so that no sum of times overflows.
[[nodiscard]] std::chrono::milliseconds take_duration(std::string_view option, const std::string& text);
// One of these words; the value that stands for it.
template <typename Value>
[[nodiscard]] Value take_word(std::string_view option, const std::string& text,
                              const std::vector<std::pair<std::string_view, Value>>& words) {
  std::vector<std::string_view> names;
  for (const auto& [word, value] : words) {
    if (word == text) {
      return value;
    }
    names.push_back(word);
  }
  throw not_one_of(option, text, names);
}
// A remark that is kept with a backup, and read with every list: at most 1000 bytes.
[[nodiscard]] std::string check_note(const std::string& text);
// "OLD=NEW" in two.
[[nodiscard]] std::pair<std::string, std::string> take_pair(std::string_view option, const std::string& text);

}  // namespace pgrecall
