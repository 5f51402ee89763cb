#pragma once

#include <string>

namespace pgrecall {

inline constexpr unsigned oldest_supported_major = 13;
inline constexpr unsigned newest_supported_major = 18;

// The major version in a server_version_num (150012 is 15; 90624 of old is 9).
[[nodiscard]] constexpr unsigned major_of_version_num(unsigned server_version_num) noexcept { return server_version_num / 10000; }

[[nodiscard]] constexpr bool supported_major(unsigned major) noexcept {
  return major >= oldest_supported_major && major <= newest_supported_major;
}

// "15.12" for 150012, "9.6.24" for 90624 (PG_VERSION_NUM in PostgreSQL's configure).
[[nodiscard]] std::string format_version_num(unsigned server_version_num);

}  // namespace pgrecall
