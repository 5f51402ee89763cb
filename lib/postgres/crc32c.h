#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace pgrecall {

// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 appendix B.4) as src/include/port/pg_crc32c.h uses it.
// Uses the CPU's instruction where there is one.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes) noexcept;
// Over bytes that come in pieces: pass the last result to go on, 0 to begin.
[[nodiscard]] std::uint32_t crc32c_extend(std::uint32_t crc, ByteView bytes) noexcept;
// The way of machines without the instruction: the same result, slower. Public so that tests hold the two against each other.
[[nodiscard]] std::uint32_t crc32c_portable(ByteView bytes) noexcept;

}  // namespace pgrecall
