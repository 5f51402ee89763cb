#pragma once

#include <nlohmann/json.hpp>

#include "service/supervisor.h"

// The documents of docs/api.md.

namespace pgrecall {

// With its result when `with_result`.
enum class RunDetail { brief, whole };
[[nodiscard]] nlohmann::ordered_json to_json(const Run& run, RunDetail detail);
[[nodiscard]] nlohmann::ordered_json to_json(const RunLogLine& line);
[[nodiscard]] nlohmann::ordered_json to_json(const Schedules::Upcoming& upcoming);
[[nodiscard]] nlohmann::ordered_json status_json(const Supervisor& supervisor, Journal& journal, const std::string& cluster);

}  // namespace pgrecall
