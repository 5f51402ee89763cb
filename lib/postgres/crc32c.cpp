#include "postgres/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

namespace pgrecall {

namespace {

static_assert(std::endian::native == std::endian::little, "PostgreSQL's bytes are read as this machine's words");

constexpr std::uint32_t polynomial = 0x82F63B78U;

// tables[k][b] advances byte b over k further zero bytes, so that eight bytes are folded by eight independent look-ups.
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> made{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0U);
    }
    made[0][byte] = value;
  }
  for (std::size_t distance = 1; distance < made.size(); ++distance) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = made[distance - 1][byte];
      made[distance][byte] = (before >> 8U) ^ made[0][before & 0xFFU];
    }
  }
  return made;
}();

std::uint64_t load_word(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint32_t fold_portable(std::uint32_t state, ByteView bytes) noexcept {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint64_t word = load_word(at) ^ state;
    state = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      state ^= tables[7 - i][(word >> (8U * i)) & 0xFFU];
    }
  }
  for (; left > 0; ++at, --left) {
    state = (state >> 8U) ^ tables[0][(state ^ std::to_integer<std::uint32_t>(*at)) & 0xFFU];
  }
  return state;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t fold_sse42(std::uint32_t state, ByteView bytes) noexcept {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t wide = state;
  for (; left >= 8; at += 8, left -= 8) {
    wide = __builtin_ia32_crc32di(wide, load_word(at));
  }
  state = static_cast<std::uint32_t>(wide);
  for (; left > 0; ++at, --left) {
    state = __builtin_ia32_crc32qi(state, std::to_integer<unsigned char>(*at));
  }
  return state;
}

std::uint32_t fold(std::uint32_t state, ByteView bytes) noexcept {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  return has_instruction ? fold_sse42(state, bytes) : fold_portable(state, bytes);
}

#else

std::uint32_t fold(std::uint32_t state, ByteView bytes) noexcept { return fold_portable(state, bytes); }

#endif

}  // namespace

std::uint32_t crc32c_extend(std::uint32_t crc, ByteView bytes) noexcept { return ~fold(~crc, bytes); }

std::uint32_t crc32c_portable(ByteView bytes) noexcept { return ~fold_portable(~0U, bytes); }

std::uint32_t crc32c(ByteView bytes) noexcept { return crc32c_extend(0, bytes); }

}  // namespace pgrecall
