#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgrecall {

// A position in the WAL, in bytes since the cluster was made. Printed as PostgreSQL does: "16/B374D848".
struct Lsn {
  std::uint64_t value = 0;

  auto operator<=>(const Lsn&) const = default;
  [[nodiscard]] bool valid() const noexcept { return value != 0; }
  [[nodiscard]] std::string to_string() const;
  // Nothing when `text` is not two groups of 1 to 8 hexadecimal digits with a slash between.
  [[nodiscard]] static std::optional<Lsn> parse(std::string_view text) noexcept;
};

// PostgreSQL's TimeLineID; 0 is none.
using Timeline = std::uint32_t;

// One WAL segment file. `number` counts segments of `size` bytes from LSN 0.
struct WalSegment {
  Timeline timeline = 0;
  std::uint64_t number = 0;
  std::uint32_t size = 0;  // bytes; a power of two from 1 MiB to 1 GiB

  auto operator<=>(const WalSegment&) const = default;
  [[nodiscard]] static WalSegment containing(Timeline timeline, Lsn lsn, std::uint32_t segment_size) noexcept;
  [[nodiscard]] Lsn start() const noexcept { return Lsn{number * size}; }
  [[nodiscard]] Lsn end() const noexcept { return Lsn{(number + 1) * size}; }
  [[nodiscard]] WalSegment next() const noexcept { return {timeline, number + 1, size}; }
  // 24 upper-case hexadecimal digits (XLogFileName in PostgreSQL's xlog_internal.h).
  [[nodiscard]] std::string file_name() const;
  [[nodiscard]] static std::optional<WalSegment> parse(std::string_view file_name, std::uint32_t segment_size) noexcept;
};

// "0000000A", the first eight digits of a segment's name.
[[nodiscard]] std::string timeline_name(Timeline timeline);
// True for a power of two from 1 MiB to 1 GiB, the sizes that initdb accepts.
[[nodiscard]] bool valid_segment_size(std::uint64_t size) noexcept;

}  // namespace pgrecall
