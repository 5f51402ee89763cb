#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace pgrecall {

// A number that is the whole of `text`, in decimal, without sign or spaces, that fits T. For the module's own parsers.
template <typename T>
[[nodiscard]] std::optional<T> parse_decimal(std::string_view text) noexcept {
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty() || text.front() == '-') {
    return std::nullopt;
  }
  return value;
}

}  // namespace pgrecall
