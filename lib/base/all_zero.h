#pragma once

#include "base/bytes.h"

namespace pgrecall {

// Equal to itself shifted by one byte, and the first one zero: memcmp is as fast as memory.
[[nodiscard]] inline bool all_zero(ByteView bytes) noexcept {
  return bytes.empty() || (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace pgrecall
