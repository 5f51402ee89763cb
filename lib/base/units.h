#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgrecall {

// "64MiB", "1.5GB", "4096B": a number and a unit, both required. kB MB GB TB are powers of 1000, KiB MiB GiB TiB of 1024.
// Nothing when it is not that, or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;
// A size with "/s" behind it, in bytes per second.
[[nodiscard]] std::optional<std::uint64_t> parse_rate(std::string_view text) noexcept;
// A hundred years. What people give is no longer: sums of times stay far from overflow.
inline constexpr std::chrono::hours longest_duration{24 * 36'525};
// "90s", "15m", "4h", "7d", "5w", and sums such as "1h30m". Units: ms s m h d w.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

// For people: "0 B", "831 kB", "4.71 GB" (powers of 1000, three significant digits).
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// "112 MB/s".
[[nodiscard]] std::string format_rate(double bytes_per_second);
// "0.4 s", "12.3 s", "4 min 05 s", "2 h 10 min", "3 d 4 h".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace pgrecall
