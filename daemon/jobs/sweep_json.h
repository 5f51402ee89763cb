#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/expire/sweep.h"

// How expire and `repo sweep` say what a sweep does.

namespace pgrecall {

// docs/json-output.md, "Sweep".
[[nodiscard]] nlohmann::ordered_json sweep_json(const SweepResult& result);
[[nodiscard]] nlohmann::ordered_json sweep_json(const SweepPlan& plan);
// "gave 1.2 GB back (23 objects); 340 MB go once nobody can be reading them any more".
[[nodiscard]] std::string sweep_text(const SweepResult& result);
[[nodiscard]] std::string sweep_text(const SweepPlan& plan);

}  // namespace pgrecall
