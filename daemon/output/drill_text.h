#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/drill/drill.h"
#include "output/style.h"

namespace pgrecall {

// docs/json-output.md, "Drill".
[[nodiscard]] nlohmann::ordered_json drill_json(const DrillRecord& record);
[[nodiscard]] nlohmann::ordered_json drill_json(const DrillReport& report);
[[nodiscard]] std::string drill_text(const DrillReport& report, const Style& style);

}  // namespace pgrecall
