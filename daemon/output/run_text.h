#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "output/style.h"

// How runs and status show the documents of the daemon's API.

namespace pgrecall {

[[nodiscard]] Tone tone_of_run(const nlohmann::ordered_json& run);
// "schedule, due 2026-11-23 02:30 UTC"
[[nodiscard]] std::string trigger_text(const nlohmann::ordered_json& run);
[[nodiscard]] std::string started_text(const nlohmann::ordered_json& run);
[[nodiscard]] std::string took_text(const nlohmann::ordered_json& run);
// Its error or reason.
[[nodiscard]] std::string what_text(const nlohmann::ordered_json& run);
// A time of a document for people; `none` where it is null.
[[nodiscard]] std::string time_text(const nlohmann::ordered_json& time, const std::string& none);
// A text of a document; empty where it is null.
[[nodiscard]] std::string text_in(const nlohmann::ordered_json& json, const char* key);

}  // namespace pgrecall
