#include "output/run_text.h"

#include <optional>

#include "base/clock.h"
#include "base/units.h"
#include "output/text.h"

namespace pgrecall {

using nlohmann::ordered_json;

namespace {
std::optional<Time> time_in(const ordered_json& json, const char* key) {
  const std::string text = text_in(json, key);
  return text.empty() ? std::nullopt : parse_time(text);
}
}  // namespace

std::string text_in(const ordered_json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string time_text(const ordered_json& time, const std::string& none) {
  const auto parsed = time.is_string() ? parse_time(time.get<std::string>()) : std::nullopt;
  return parsed ? format_local_second(*parsed) : none;
}

Tone tone_of_run(const ordered_json& run) {
  const std::string state = text_in(run, "state");
  if (state == "done") {
    return Tone::good;
  }
  if (state == "failed") {
    return Tone::bad;
  }
  return state == "warnings" || state == "interrupted" || state == "cancelled" ? Tone::warning : Tone::plain;
}

std::string trigger_text(const ordered_json& run) {
  const std::string trigger = text_in(run, "trigger");
  const auto due = time_in(run, "due");
  return trigger + (due ? " of " + format_local_time(*due) : "");
}

std::string started_text(const ordered_json& run) { return time_text(run.at("started"), ""); }

std::string took_text(const ordered_json& run) {
  const auto started = time_in(run, "started");
  const auto ended = time_in(run, "ended");
  if (!started || !ended || *ended < *started) {
    return {};
  }
  // Both are told in whole seconds.
  return *ended == *started ? "< 1 s" : format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(*ended - *started));
}

std::string what_text(const ordered_json& run) {
  const ordered_json& error = run.at("error");
  return shorten(error.is_object() ? text_in(error, "message") : text_in(run, "reason"), 80);
}

}  // namespace pgrecall
