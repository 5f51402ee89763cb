#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/compression.h"

namespace pgrecall {

// Values of options, as text. Each throws Error{usage} that names the option and says what would do.

// "50MB/s": bytes per second.
[[nodiscard]] std::uint64_t take_rate(std::string_view option, const std::string& text);
// "zstd", "zstd:3", "lz4", "none".
[[nodiscard]] Compression take_compression(std::string_view option, const std::string& text);
// "all" is 1.0, "10%" is 0.1.
[[nodiscard]] double take_fraction(std::string_view option, const std::string& text);
// "OLD=NEW" in two.
[[nodiscard]] std::pair<std::string, std::string> take_pair(std::string_view option, const std::string& text);

}  // namespace pgrecall
