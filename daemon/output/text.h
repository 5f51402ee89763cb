#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pgrecall {

// Terminal cells that UTF-8 text takes: combining marks none, East Asian wide characters and emoji two. Bytes that are no UTF-8
// count one each.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;
// The same text without control characters: what a repository or a server says cannot move the reader's cursor.
[[nodiscard]] std::string printable(std::string_view text);
// At most `width` cells, ending with "…" where something was cut off.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width);

// "2026-11-23 03:30 CET": in the time zone of whoever looks (TZ).
[[nodiscard]] std::string format_local_time(Time time);
// "2026-11-23 03:30:12 CET"; fractions of a second are left out.
[[nodiscard]] std::string format_local_second(Time time);
// "2026-11-23".
[[nodiscard]] std::string format_local_date(Time time);
// "12,345": thousands apart.
[[nodiscard]] std::string format_count(std::uint64_t count);
// "1 file", "12,345 files".
[[nodiscard]] std::string format_count(std::uint64_t count, std::string_view singular, std::string_view plural);
// "98.7%"; "0%" of nothing. "100%" only when it is all of it.
[[nodiscard]] std::string format_percent(std::uint64_t part, std::uint64_t whole);

// As one word for a POSIX shell: quoted where it must be.
[[nodiscard]] std::string shell_word(std::string_view word);

}  // namespace pgrecall
