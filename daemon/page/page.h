#pragma once

#include <string>

#include "page/standing.h"

namespace pgrecall {

// The status page: one HTML document that needs nothing else, neither script nor picture, and loads itself anew every 15 s. Pure.
[[nodiscard]] std::string status_page(const PageView& view);
// What a browser may do with it: show it, in its own style, and nothing more. The value of Content-Security-Policy.
[[nodiscard]] const std::string& page_security_policy();

}  // namespace pgrecall
