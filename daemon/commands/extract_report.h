#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/extract/extract.h"
#include "output/style.h"

namespace pgrecall {

// What extract will do, and what it did: docs/json-output.md, "extract".
[[nodiscard]] nlohmann::ordered_json extract_plan_json(const ExtractRequest& request, const ExtractPlan& plan);
[[nodiscard]] nlohmann::ordered_json extract_json(const ExtractReport& report);

[[nodiscard]] std::string extract_plan_text(const ExtractRequest& request, const ExtractPlan& plan, const Style& style);
[[nodiscard]] std::string extract_text(const ExtractRequest& request, const ExtractReport& report, const Style& style);

}  // namespace pgrecall
