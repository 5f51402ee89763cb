#pragma once

#include <string_view>

namespace pgrecall {

// The page's own, and the only one: the content security policy names its hash, and lets nothing else be loaded or run.
[[nodiscard]] std::string_view style_sheet() noexcept;

}  // namespace pgrecall
