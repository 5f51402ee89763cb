#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "output/style.h"

// How status and alert list show what docs/api.md calls alerts and silences.

namespace pgrecall {

// Each with what happened, what to do and where to read on; empty without any.
[[nodiscard]] std::string alerts_text(const nlohmann::ordered_json& alerts, const Style& style);
[[nodiscard]] std::string silences_text(const nlohmann::ordered_json& silences, const Style& style);

}  // namespace pgrecall
