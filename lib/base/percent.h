#pragma once

#include <string>
#include <string_view>

namespace pgrecall {

// What stands in an address as %41 (RFC 3986, section 2.1), plainly. What follows no such rule stays as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace pgrecall
