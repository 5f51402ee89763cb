#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace pgrecall {

// docs/repository-format.md, "Checked JSON": `members` must not have "sha256".
[[nodiscard]] std::string format_checked_json(const nlohmann::ordered_json& members);
// The object without its sha256 member. Error{corruption} naming the object when any byte differs from what was written.
[[nodiscard]] nlohmann::json parse_checked_json(ByteView text, std::string_view object_name);

}  // namespace pgrecall
