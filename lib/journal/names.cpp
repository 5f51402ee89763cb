#include <array>

#include "journal/run.h"

namespace pgrecall {

namespace {
template <typename Value, std::size_t size>
using Names = std::array<std::pair<Value, std::string_view>, size>;

constexpr Names<RunState, 8> states{{{RunState::queued, "queued"},
                                     {RunState::running, "running"},
                                     {RunState::done, "done"},
                                     {RunState::warnings, "warnings"},
                                     {RunState::failed, "failed"},
                                     {RunState::cancelled, "cancelled"},
                                     {RunState::interrupted, "interrupted"},
                                     {RunState::skipped, "skipped"}}};
constexpr Names<RunTrigger, 6> triggers{{{RunTrigger::schedule, "schedule"},
                                         {RunTrigger::catch_up, "catch_up"},
                                         {RunTrigger::manual, "manual"},
                                         {RunTrigger::retry, "retry"},
                                         {RunTrigger::first, "first"},
                                         {RunTrigger::repair, "repair"}}};
constexpr Names<LogLevel, 4> levels{
    {{LogLevel::debug, "debug"}, {LogLevel::info, "info"}, {LogLevel::warning, "warning"}, {LogLevel::error, "error"}}};

template <typename Value, std::size_t size>
std::string_view name_in(const Names<Value, size>& names, Value value) noexcept {
  for (const auto& [each, text] : names) {
    if (each == value) {
      return text;
    }
  }
  return "unknown";
}

template <typename Value, std::size_t size>
std::optional<Value> find_in(const Names<Value, size>& names, std::string_view text) noexcept {
  for (const auto& [value, each] : names) {
    if (each == text) {
      return value;
    }
  }
  return std::nullopt;
}
}  // namespace

std::string_view name(RunState state) noexcept { return name_in(states, state); }
std::string_view name(RunTrigger trigger) noexcept { return name_in(triggers, trigger); }
std::string_view name(LogLevel level) noexcept { return name_in(levels, level); }
std::optional<RunState> parse_run_state(std::string_view text) noexcept { return find_in(states, text); }
std::optional<RunTrigger> parse_run_trigger(std::string_view text) noexcept { return find_in(triggers, text); }
std::optional<LogLevel> parse_log_level(std::string_view text) noexcept { return find_in(levels, text); }

bool is_over(RunState state) noexcept { return state != RunState::queued && state != RunState::running; }

}  // namespace pgrecall
