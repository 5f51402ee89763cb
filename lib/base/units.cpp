#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

namespace pgrecall {

namespace {
struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 9> size_units{{{"B", 1},
                                          {"kB", 1'000ULL},
                                          {"MB", 1'000'000ULL},
                                          {"GB", 1'000'000'000ULL},
                                          {"TB", 1'000'000'000'000ULL},
                                          {"KiB", 1ULL << 10U},
                                          {"MiB", 1ULL << 20U},
                                          {"GiB", 1ULL << 30U},
                                          {"TiB", 1ULL << 40U}}};

// Longest first: a sum names its units in this order, each at most once.
constexpr std::array<Unit, 6> duration_units{
    {{"w", 604'800'000ULL}, {"d", 86'400'000ULL}, {"h", 3'600'000ULL}, {"m", 60'000ULL}, {"s", 1'000ULL}, {"ms", 1}}};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Takes digits off the front of `text`. Nothing when there are none or the number does not fit.
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  if (text.empty() || !is_digit(text.front())) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    const auto digit = static_cast<std::uint64_t>(text.front() - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
    text.remove_prefix(1);
  }
  return value;
}

struct Fraction {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
};

// Takes ".75" off the front. Six digits at most: with them, the largest unit times the numerator still fits 64 bits.
std::optional<Fraction> take_fraction(std::string_view& text) noexcept {
  Fraction fraction;
  if (text.empty() || text.front() != '.') {
    return fraction;
  }
  text.remove_prefix(1);
  const std::size_t before = text.size();
  const auto numerator = take_number(text);
  const std::size_t digits = before - text.size();
  if (!numerator || digits > 6) {
    return std::nullopt;
  }
  fraction.numerator = *numerator;
  for (std::size_t i = 0; i < digits; ++i) {
    fraction.denominator *= 10;
  }
  return fraction;
}
}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  const auto whole = take_number(text);
  if (!whole) {
    return std::nullopt;
  }
  const bool has_fraction = text.starts_with('.');
  const auto fraction = take_fraction(text);
  if (!fraction) {
    return std::nullopt;
  }
  for (const Unit& unit : size_units) {
    if (text != unit.name) {
      continue;
    }
    const std::uint64_t rest = fraction->numerator * unit.factor / fraction->denominator;
    const bool part_of_a_byte = has_fraction && unit.factor == 1;
    if (part_of_a_byte || *whole > (std::numeric_limits<std::uint64_t>::max() - rest) / unit.factor) {
      return std::nullopt;
    }
    return *whole * unit.factor + rest;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_rate(std::string_view text) noexcept {
  if (!text.ends_with("/s")) {
    return std::nullopt;
  }
  text.remove_suffix(2);
  return parse_size(text);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  do {
    const auto number = take_number(text);
    const std::string_view letters = text.substr(0, text.find_first_of("0123456789"));
    while (next_unit < duration_units.size() && duration_units[next_unit].name != letters) {
      ++next_unit;
    }
    if (!number || next_unit == duration_units.size()) {
      return std::nullopt;
    }
    const std::uint64_t factor = duration_units[next_unit++].factor;
    if (*number > (limit - total) / factor) {
      return std::nullopt;
    }
    total += *number * factor;
    text.remove_prefix(letters.size());
  } while (!text.empty());
  return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

namespace {
std::string format_amount(double amount) {
  constexpr std::array<std::string_view, 7> names{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  // 999.5 would print as "1000": it belongs to the next unit.
  while (amount >= 999.5 && unit + 1 < names.size()) {
    amount /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || amount >= 99.95 ? 0 : (amount >= 9.995 ? 1 : 2);
  return fmt::format("{:.{}f} {}", amount, decimals, names[unit]);
}
}  // namespace

std::string format_size(std::uint64_t bytes) { return format_amount(static_cast<double>(bytes)); }

std::string format_rate(double bytes_per_second) {
  return format_amount(std::isfinite(bytes_per_second) && bytes_per_second > 0 ? bytes_per_second : 0) + "/s";
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t millis = duration.count() < 0 ? 0 : duration.count();
  if (millis < 59'950) {
    const std::int64_t tenths = (millis + 50) / 100;
    return fmt::format("{}.{} s", tenths / 10, tenths % 10);
  }
  // What is nearer to a minute than to 59.9 s is a minute; everything longer is cut, never rounded up.
  const std::int64_t seconds = millis < 60'000 ? 60 : millis / 1000;
  if (seconds < 3'600) {
    return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  }
  if (seconds < 86'400) {
    return fmt::format("{} h {:02} min", seconds / 3'600, seconds / 60 % 60);
  }
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3'600 % 24);
}

}  // namespace pgrecall
