#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How messages speak of what somebody typed. Pure; safe for many threads.

namespace pgrecall {

// The candidate that `word` was most likely meant to be; nothing when none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
// "did you mean X?" where one is near, otherwise "<what>: a, b, c".
[[nodiscard]] std::string suggest(std::string_view word, const std::vector<std::string>& candidates, std::string_view what);
// The text in quotes, shortened and without control characters, so that a message stays one line.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace pgrecall
