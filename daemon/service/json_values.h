#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.h"

// How the API shows what may be missing: docs/json-output.md.
namespace pgrecall {

[[nodiscard]] inline nlohmann::ordered_json time_json(const std::optional<Time>& time) {
  return time ? nlohmann::ordered_json(format_time(*time)) : nlohmann::ordered_json(nullptr);
}

[[nodiscard]] inline nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

}  // namespace pgrecall
