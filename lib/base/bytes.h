#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgrecall {

// A view of bytes that somebody else owns; valid as long as that owner keeps them.
using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;
using Bytes = std::vector<std::byte>;

[[nodiscard]] inline ByteView bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

[[nodiscard]] inline std::string_view text_of(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Integers of fixed width as the formats store them. The caller guarantees that sizeof(T) bytes are there.
template <typename T>
[[nodiscard]] T load_little(const std::byte* at) noexcept {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U) | std::to_integer<std::uint64_t>(at[i]));
  }
  return value;
}

template <typename T>
void store_little(std::byte* at, T value) noexcept {
  static_assert(std::is_unsigned_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    at[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8U * i));
  }
}

template <typename T>
[[nodiscard]] T load_big(const std::byte* at) noexcept {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U) | std::to_integer<std::uint64_t>(at[i]));
  }
  return value;
}

template <typename T>
void store_big(std::byte* at, T value) noexcept {
  static_assert(std::is_unsigned_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    at[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8U * (sizeof(T) - 1 - i)));
  }
}

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteView bytes);
// False when `text` is not exactly 2 * out.size() lower-case hexadecimal digits; `out` is then unspecified.
[[nodiscard]] bool from_hex(std::string_view text, MutableByteView out) noexcept;

// Standard base64 with padding.
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] bool from_base64(std::string_view text, Bytes& out);

}  // namespace pgrecall
