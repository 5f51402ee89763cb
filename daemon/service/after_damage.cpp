#include "service/after_damage.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "jobs/job.h"

namespace pgrecall {

namespace {

constexpr std::string_view damage_answer = "verify left damage: ";  // how the notes of such backups begin
constexpr std::size_t most_objects = 3;                             // named in a reason

// The damaged objects that a verify left, as its reason to act; empty when it left none.
std::string damage_left(const Run& run) {
  const nlohmann::json result = nlohmann::json::parse(run.result, nullptr, false);
  const nlohmann::json verify =
      result.is_object() ? result.value(nlohmann::json::json_pointer("/document/verify"), nlohmann::json()) : nlohmann::json();
  std::set<std::string> objects;
  for (const nlohmann::json& finding :
       verify.is_object() ? verify.value("findings", nlohmann::json::array()) : nlohmann::json::array()) {
    if (finding.value("severity", std::string()) == "damage" && !finding.value("repaired", false)) {
      objects.insert(finding.value("object", std::string()));
    }
  }
  std::string reason;
  std::size_t named = 0;
  for (const std::string& object : objects) {
    if (named++ < most_objects) {
      reason += (reason.empty() ? std::string(damage_answer) : ", ") + object;
    }
  }
  return named > most_objects ? reason + " and " + std::to_string(named - most_objects) + " more" : reason;
}

// The note of a backup that was such an answer; else empty. A retry has the options of the run that it repeats, and a
// reason of its own.
std::string answer_of(const Run& run) {
  const nlohmann::json options = nlohmann::json::parse(run.options, nullptr, false);
  const std::string note = options.is_object() ? options.value("note", std::string()) : std::string();
  return run.job == name(JobKind::backup) && note.starts_with(damage_answer) ? note : std::string();
}

bool is_pending(const Run& run) { return run.state == RunState::queued || run.state == RunState::running; }

std::optional<Run> backup_against(const Run& ended, const std::vector<Run>& known) {
  Run next;
  next.cluster = ended.cluster;
  next.job = name(JobKind::backup);
  next.trigger = RunTrigger::repair;
  next.reason = damage_left(ended);
  next.options = nlohmann::json{{"full", true}, {"keep", "daily"}, {"note", next.reason}}.dump();
  const bool answered = std::ranges::any_of(known, [&](const Run& run) {
    const std::string note = answer_of(run);
    return !note.empty() && (note == next.reason || is_pending(run));
  });
  return next.reason.empty() || answered ? std::nullopt : std::optional(next);
}

std::optional<Run> verify_behind(const Run& backup) {
  Run next;
  next.cluster = backup.cluster;
  next.job = name(JobKind::verify);
  next.trigger = RunTrigger::repair;
  next.reason = "what is damaged may be in the new backup";
  next.options = scheduled_verify_options;
  return next;
}

}  // namespace

std::optional<Run> next_after_damage(const Run& ended, const std::vector<Run>& known) {
  const bool good = ended.state == RunState::done || ended.state == RunState::warnings;
  if (good && !answer_of(ended).empty()) {
    return verify_behind(ended);
  }
  const bool found = ended.exit_code == exit_code(ErrorKind::corruption) && ended.trigger != RunTrigger::repair;
  return found ? backup_against(ended, known) : std::nullopt;
}

}  // namespace pgrecall
