#pragma once

#include <string_view>

namespace pgrecall {

// True for a path that stays within the directory it is put into, in its plain form: not empty, not absolute, no NUL, and no
// component that is empty, "." or "..". What a server, an archive or a manifest names is written only where this holds.
[[nodiscard]] bool is_plain_relative_path(std::string_view path) noexcept;

}  // namespace pgrecall
