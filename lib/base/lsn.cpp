#include "base/lsn.h"

#include <fmt/format.h>

#include <bit>

namespace pgrecall {

namespace {
std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept {
  if (text.empty() || text.size() > 8) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint64_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}
}  // namespace

std::string Lsn::to_string() const { return fmt::format("{:X}/{:X}", value >> 32U, value & 0xFFFFFFFFU); }

std::optional<Lsn> Lsn::parse(std::string_view text) noexcept {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto high = parse_hex(text.substr(0, slash));
  const auto low = parse_hex(text.substr(slash + 1));
  if (!high || !low) {
    return std::nullopt;
  }
  return Lsn{(*high << 32U) | *low};
}

WalSegment WalSegment::containing(Timeline timeline, Lsn lsn, std::uint32_t segment_size) noexcept {
  return {timeline, lsn.value / segment_size, segment_size};
}

std::string WalSegment::file_name() const {
  const std::uint64_t per_id = 0x100000000ULL / size;
  return fmt::format("{:08X}{:08X}{:08X}", timeline, number / per_id, number % per_id);
}

std::optional<WalSegment> WalSegment::parse(std::string_view file_name, std::uint32_t segment_size) noexcept {
  if (file_name.size() != 24) {
    return std::nullopt;
  }
  for (const char c : file_name) {
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) {
      return std::nullopt;
    }
  }
  const auto timeline = parse_hex(file_name.substr(0, 8));
  const auto id = parse_hex(file_name.substr(8, 8));
  const auto within = parse_hex(file_name.substr(16, 8));
  const std::uint64_t per_id = 0x100000000ULL / segment_size;
  if (!timeline || !id || !within || *timeline == 0 || *within >= per_id) {
    return std::nullopt;
  }
  return WalSegment{static_cast<Timeline>(*timeline), *id * per_id + *within, segment_size};
}

std::string timeline_name(Timeline timeline) { return fmt::format("{:08X}", timeline); }

bool valid_segment_size(std::uint64_t size) noexcept {
  return std::has_single_bit(size) && size >= (1ULL << 20U) && size <= (1ULL << 30U);
}

}  // namespace pgrecall
