#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace pgrecall {

// Text as HTML shows it, in elements and in attributes: nothing in it is markup any more, control characters are blanks.
[[nodiscard]] std::string escape_html(std::string_view text);

// What is HTML already.
struct Html {
  std::string text;

  Html& operator+=(const Html& other) {
    text += other.text;
    return *this;
  }
  [[nodiscard]] bool empty() const noexcept { return text.empty(); }
};

namespace detail {
inline const std::string& shown(const Html& html) { return html.text; }
inline std::string shown(std::string_view text) { return escape_html(text); }
template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
Number shown(Number number) {
  return number;
}
template <typename... Shown>
Html fill(std::string_view pattern, const Shown&... shown) {
  return {fmt::vformat(fmt::string_view(pattern.data(), pattern.size()), fmt::make_format_args(shown...))};
}
}  // namespace detail

// The pattern, which is HTML, with the arguments in place of {}: texts escaped, numbers and Html as they are.
template <typename... Arguments>
[[nodiscard]] Html html(std::string_view pattern, const Arguments&... arguments) {
  return detail::fill(pattern, detail::shown(arguments)...);
}

}  // namespace pgrecall
