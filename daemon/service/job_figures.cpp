#include "service/job_figures.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "jobs/job.h"
#include "schedule/planner.h"

namespace pgrecall {

namespace {
// A later run stands for these, or an earlier one did.
bool was_missed(const std::string& reason) {
  return reason != text(SkipReason::superseded) && reason != text(SkipReason::already_started);
}

std::map<std::string, JobFigures> count_runs(const Journal& journal, const std::string& cluster,
                                             const std::set<std::string>& scheduled) {
  std::map<std::string, JobFigures> jobs;
  for (const std::string& job : scheduled) {
    jobs[job];
  }
  for (const RunTally& tally : journal.tallies(cluster)) {
    JobFigures& figures = jobs[tally.job];
    figures.runs[std::string(name(tally.state))] += tally.count;
    if (tally.state == RunState::failed) {
      figures.failures[tally.error_kind] += tally.count;
    }
    if (tally.state == RunState::skipped && was_missed(tally.reason)) {
      figures.missed += tally.count;
    }
  }
  return jobs;
}

nlohmann::json document_of(const Run& run) {
  nlohmann::json parsed = run.result.empty() ? nlohmann::json() : nlohmann::json::parse(run.result, nullptr, false);
  return parsed.is_object() ? parsed : nlohmann::json::object();
}

void note_newest(const Journal& journal, const std::string& cluster, JobFigures& figures) {
  const std::string& job = figures.job;
  for (const Run& run : journal.newest_runs(cluster, job, {RunState::done, RunState::warnings}, 1)) {
    figures.last_success = run.ended;
    for (const nlohmann::json& stage : document_of(run).value("stages", nlohmann::json::array())) {
      figures.last_stage_seconds[stage.at("stage").get<std::string>()] += stage.at("seconds").get<double>();
    }
  }
  for (const Run& run : journal.newest_runs(cluster, job, {RunState::done, RunState::warnings, RunState::failed}, 1)) {
    figures.last_completion = run.ended;
    if (run.started && run.ended) {
      figures.last_duration_seconds = std::max(0.0, std::chrono::duration<double>(*run.ended - *run.started).count());
    }
    figures.last_run = run.id;
    figures.last_result = name(run.state);
    figures.last_error_kind = run.error_kind;
    figures.last_error_message = run.error_message;
    figures.last_error_hint = run.error_hint;
    figures.needs_confirmation =
        job == name(JobKind::expire) && run.state == RunState::failed &&  // else somebody has confirmed it, or only looked
        document_of(run).value(nlohmann::json::json_pointer("/document/expire/needs_confirmation"), false);
  }
  constexpr unsigned looked_through = 50;
  for (const Run& run : journal.newest_runs(cluster, job, {RunState::skipped}, looked_through)) {
    if (was_missed(run.reason)) {
      figures.last_missed = run.due ? run.due : run.ended;
      figures.missed_reason = run.reason;
      break;
    }
  }
}

// Nothing when the run was to look at one backup alone, or tells nothing.
std::optional<DamageFigures> damage_of(const Run& run) {
  const nlohmann::json options = nlohmann::json::parse(run.options, nullptr, false);
  const nlohmann::json verify = document_of(run).value("document", nlohmann::json::object()).value("verify", nlohmann::json());
  if (!verify.is_object() || (options.is_object() && !options.value("id", std::string()).empty())) {
    return std::nullopt;
  }
  DamageFigures damage;
  for (const nlohmann::json& finding : verify.value("findings", nlohmann::json::array())) {
    if (finding.value("severity", std::string()) == "damage" && !finding.value("repaired", false) && damage.objects++ == 0) {
      damage.first = finding.value("kind", std::string()) + " " + finding.value("object", std::string());
    }
  }
  return damage;
}

DamageFigures newest_damage(const Journal& journal, const std::string& cluster) {
  constexpr unsigned looked_through = 20;
  const std::vector<RunState> judged{RunState::done, RunState::warnings, RunState::failed};
  for (const Run& run : journal.newest_runs(cluster, "verify", judged, looked_through)) {
    if (const auto damage = damage_of(run)) {
      return *damage;
    }
  }
  return {};
}
}  // namespace

JournalFigures journal_figures(const Journal& journal, const std::string& cluster, const std::set<std::string>& scheduled) {
  JournalFigures figures;
  for (auto& [job, counted] : count_runs(journal, cluster, scheduled)) {
    counted.job = job;
    note_newest(journal, cluster, counted);
    figures.jobs.push_back(std::move(counted));
  }
  figures.damage = newest_damage(journal, cluster);
  return figures;
}

}  // namespace pgrecall
