#pragma once

#include <string>

namespace pgrecall {

// As the kernel has it, or `unknown` where it has none. For people, and for protocols that ask who speaks.
[[nodiscard]] std::string host_name(const std::string& unknown = "unknown host");

}  // namespace pgrecall
