#include "service/api_json.h"

#include <unistd.h>

#include "jobs/companions.h"
#include "output/progress_text.h"
#include "service/alerts_api.h"
#include "service/json_values.h"
#include "version.h"

namespace pgrecall {

using nlohmann::ordered_json;

namespace {
ordered_json window_json(const WindowFacts& window) {
  return {{"computed", window.computed == Time{} ? ordered_json(nullptr) : ordered_json(format_time(window.computed))},
          {"from", time_json(window.from)},
          {"until", time_json(window.until)},
          {"until_lsn", window.until_lsn.valid() ? ordered_json(window.until_lsn.to_string()) : ordered_json(nullptr)},
          {"spans", window.spans},
          {"gaps", window.gaps},
          {"backups", window.backups},
          {"newest_backup", text_or_null(window.newest_backup)},
          {"newest_backup_started", time_json(window.newest_backup_started)},
          {"problem", text_or_null(window.problem)}};
}

ordered_json drill_json_of(const DrillFigures& drill) {
  const auto seconds = [](const std::optional<double>& known) { return known ? ordered_json(*known) : ordered_json(nullptr); };
  return {{"proven_recoverable_until", time_json(drill.proven_until)}, {"last_success", time_json(drill.last_success)},
          {"last_completion", time_json(drill.last_completion)},       {"last_problem", text_or_null(drill.last_problem)},
          {"restore_seconds", seconds(drill.last_restore_seconds)},    {"replay_seconds", seconds(drill.last_replay_seconds)},
          {"estimate_seconds", seconds(drill.recovery_seconds)}};
}

ordered_json guard_json(const std::optional<GuardStatus>& guard) {
  ordered_json json;
  json["state"] = guard ? ordered_json(name(guard->state)) : ordered_json("stopped");
  json["problem"] = guard ? text_or_null(guard->problem) : ordered_json(nullptr);
  json["hint"] = guard ? text_or_null(guard->hint) : ordered_json(nullptr);
  json["held_by"] = nullptr;
  if (guard && guard->holder) {
    json["held_by"] = {{"owner", guard->holder->owner},
                       {"since", format_time(guard->holder->taken)},
                       {"expires", format_time(guard->holder->expires)}};
  }
  json["receiver"] = guard && guard->receiver ? to_json(*guard->receiver) : ordered_json(nullptr);
  json["receiver_problem"] = guard ? text_or_null(guard->receiver_problem) : ordered_json(nullptr);
  json["window"] = window_json(guard ? guard->window : WindowFacts{});
  json["drill"] = drill_json_of(guard ? guard->window.drill : DrillFigures{});
  return json;
}

// Those of the newest backup. `vault_key` is whether one of them opens Supabase's Vault; null where that is nothing to ask.
ordered_json companions_json_of(const ClusterConfig& configured, const WindowFacts& window) {
  ordered_json json{{"backup", text_or_null(window.newest_backup)}, {"vault_key", nullptr}, {"list", ordered_json::array()}};
  const BackupFigures* newest = window.known_backups && !window.known_backups->empty() ? &window.known_backups->back() : nullptr;
  if (expects_vault_key(configured) && window.known_backups) {
    json["vault_key"] = newest != nullptr && newest->vault_key;
  }
  if (newest != nullptr) {
    for (const CompanionFigures& companion : newest->companions) {
      json["list"].push_back({{"name", companion.name},
                              {"files", companion.files},
                              {"bytes", companion.bytes},
                              {"problem", text_or_null(companion.problem)}});
    }
  }
  return json;
}

ordered_json runs_json(const std::vector<Run>& runs, const std::string& cluster, const Supervisor& supervisor) {
  ordered_json json = ordered_json::array();
  for (const Run& run : runs) {
    if (run.cluster != cluster) {
      continue;
    }
    ordered_json entry = to_json(run, RunDetail::brief);
    if (const RunExecution* execution = supervisor.queue().execution(run.id)) {
      ProgressView view;
      view.at = execution->progress().snapshot();
      view.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - execution->began());
      entry["progress"] = ordered_json::parse(format_progress_json(view)).at("progress");
    }
    json.push_back(std::move(entry));
  }
  return json;
}

ordered_json cluster_json(const std::string& cluster, const Supervisor& supervisor, Journal& journal) {
  ordered_json json{{"cluster", cluster}, {"repository", supervisor.config().clusters.at(cluster).repository}};
  const std::optional<GuardStatus> guard = supervisor.guard_status(cluster);
  json.update(guard_json(guard));
  json["companions"] = companions_json_of(supervisor.config().clusters.at(cluster), guard ? guard->window : WindowFacts{});
  json["running"] = runs_json(supervisor.queue().running(), cluster, supervisor);
  json["queued"] = runs_json(supervisor.queue().waiting(), cluster, supervisor);
  json["next"] = ordered_json::array();
  for (const Schedules::Upcoming& upcoming : supervisor.schedules().upcoming(cluster, supervisor.clock().now())) {
    json["next"].push_back(to_json(upcoming));
  }
  json["last"] = ordered_json::array();
  for (const Run& run : journal.newest_of_each_job(cluster)) {
    json["last"].push_back(to_json(run, RunDetail::brief));
  }
  return json;
}
}  // namespace

ordered_json to_json(const Run& run, RunDetail detail) {
  ordered_json json{{"id", run.id},
                    {"cluster", run.cluster},
                    {"job", run.job},
                    {"trigger", name(run.trigger)},
                    {"state", name(run.state)},
                    {"reason", text_or_null(run.reason)},
                    {"attempt", run.attempt},
                    {"due", time_json(run.due)},
                    {"created", format_time(run.created)},
                    {"not_before", time_json(run.not_before)},
                    {"started", time_json(run.started)},
                    {"ended", time_json(run.ended)},
                    {"exit_code", run.exit_code ? ordered_json(*run.exit_code) : ordered_json(nullptr)}};
  json["error"] = nullptr;
  if (!run.error_kind.empty()) {
    json["error"] = {{"kind", run.error_kind}, {"message", run.error_message}, {"hint", run.error_hint}};
  }
  if (detail == RunDetail::whole) {
    json["options"] = ordered_json::parse(run.options, nullptr, false);
    json["result"] = run.result.empty() ? ordered_json(nullptr) : ordered_json::parse(run.result, nullptr, false);
  }
  return json;
}

ordered_json to_json(const RunLogLine& line) {
  return {{"number", line.number}, {"time", format_time(line.time)}, {"level", name(line.level)}, {"text", line.text}};
}

ordered_json to_json(const Schedules::Upcoming& upcoming) {
  return {{"cluster", upcoming.cluster},
          {"job", upcoming.job},
          {"due", format_time(upcoming.due)},
          {"starts", format_time(upcoming.planned)},
          {"waiting", text_or_null(upcoming.waiting)}};
}

ordered_json status_json(const Supervisor& supervisor, Journal& journal, const std::string& cluster) {
  ordered_json json{{"version", version},
                    {"pid", getpid()},
                    {"started", format_time(supervisor.started())},
                    {"now", format_time(supervisor.clock().now())},
                    {"state", supervisor.state() == Supervisor::State::running ? "running" : "draining"},
                    {"config", supervisor.config_file()},
                    {"summary", supervisor.status_line()},
                    {"state_problem", nullptr}};
  if (const auto& trouble = supervisor.journal_trouble()) {
    json["state_problem"] = trouble->problem;
  }
  json["clusters"] = ordered_json::array();
  for (const auto& [name, configured] : supervisor.config().clusters) {
    if (cluster.empty() || cluster == name) {
      json["clusters"].push_back(cluster_json(name, supervisor, journal));
    }
  }
  json.update(alerts_json(supervisor.alerts(), cluster, AlertScope::told));
  json["events"] = ordered_json::array();  // of earlier versions; alerts took their place
  return json;
}

}  // namespace pgrecall
