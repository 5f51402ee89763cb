#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Texts of others (names, errors of servers and file systems) on their way into a message. Pure.

namespace pgrecall {

// Valid UTF-8 without control characters: line ends stay where there may be several lines, and become blanks otherwise. Marks
// that change the direction of writing, with which a text could pretend to be another, go too.
enum class Lines { one, several };
[[nodiscard]] std::string clean(std::string_view text, Lines lines = Lines::one);

// How a peer's markup is made plain text.
enum class Markup {
  none,
  slack,     // mrkdwn: & < > as entities
  markdown,  // Discord, Teams: a backslash before what means something
  html,
};
// The text, escaped, in at most `limit` UTF-16 units (what peers call characters is never more), ending with "…" where something
// was cut off; an escape is never cut in two.
[[nodiscard]] std::string fit(std::string_view text, std::size_t limit, Markup markup = Markup::none);

// Length as fit() counts it.
[[nodiscard]] std::size_t utf16_length(std::string_view text) noexcept;

}  // namespace pgrecall
