#include "service/run_execution.h"

#include "jobs/backup_job.h"
#include "jobs/check_job.h"
#include "jobs/drill_job.h"
#include "jobs/expire_job.h"
#include "jobs/retention.h"
#include "jobs/verify_job.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

JobOutcome back_up_as_ordered(const RunOrder& order, const BackupWishes& wishes, const JobContext& context) {
  const BackupRequest request =
      backup_request(order.cluster, wishes, configured_connection(order.cluster, order.config), &order.config, order.spool);
  return run_backup_job(request, context);
}

// Whoever asks for a verification says how much of it; the schedule says nothing.
// As the schedule asks: the configuration says how much is read.
bool asks_for_nothing_else(const ordered_json& options) {
  return options.empty() || (options.size() == 1 && options.contains("repair"));
}

VerifyPlace verify_place(const RunOrder& order) {
  return {.cluster = order.cluster,
          .spool = order.spool,
          .budget = asks_for_nothing_else(order.options) ? order.config.verify.budget.value_or("") : std::string(),
          .server = [&order] { return configured_connection(order.cluster, order.config); }};
}

// A month's backup is not done before all of it was read back.
JobOutcome monthly(const RunOrder& order, const JobContext& context) {
  JobOutcome outcome = back_up_as_ordered(order, scheduled_wishes(JobKind::monthly), context);
  VerifyWishes wishes;
  wishes.id = outcome.document.at("backup").at("id").get<std::string>();
  const JobOutcome verified = run_verify_job(verify_place(order), wishes, context);
  outcome.text += verified.text;
  outcome.document["verify"] = verified.document.at("verify");
  if (verified.exit_code != exit_done) {
    outcome.exit_code = verified.exit_code;
  }
  return outcome;
}

JobOutcome check(const RunOrder& order, const JobContext& context) {
  const CheckPlaces places{.connection = [&] { return configured_connection(order.cluster, order.config); },
                           .repository = [&]() -> const Repository& { return context.repository; },
                           .configured = &order.config};
  return outcome_of({check_cluster(order.cluster, places, context.clock, context.stop)}, context.style);
}

JobOutcome do_job(const RunOrder& order, const JobContext& context) {
  switch (order.kind) {
    case JobKind::backup: return back_up_as_ordered(order, backup_wishes_of(order.options), context);
    case JobKind::daily:
    case JobKind::weekly: return back_up_as_ordered(order, scheduled_wishes(order.kind), context);
    case JobKind::monthly: return monthly(order, context);
    case JobKind::verify: return run_verify_job(verify_place(order), verify_wishes_of(order.options), context);
    case JobKind::drill:
      return run_drill_job({.cluster = order.cluster,
                            .address = configured_address(order.config.repository, order.repository),
                            .configured = &order.config,
                            .scratch = order.scratch,
                            .state = order.state},
                           drill_wishes_of(order.options), context);
    case JobKind::check: return check(order, context);
    case JobKind::expire:
      return run_expire_job(order.cluster, retention_policy(order.config.retention, order.config.schedule.timezone),
                            expire_wishes_of(order.options), context);
  }
  throw Error(ErrorKind::usage, "there is no such job").with("job", name(order.kind));
}

RunState state_of(int exit_code) noexcept {
  return exit_code == exit_done ? RunState::done : (exit_code == exit_done_with_warnings ? RunState::warnings : RunState::failed);
}

// The first thing that is wrong, of a job that found something without failing itself.
std::string complaint_of(const ordered_json& document) {
  if (document.contains("verify")) {
    for (const ordered_json& finding : document["verify"].at("findings")) {
      if (finding.at("severity") == "damage" && !finding.at("repaired").get<bool>()) {
        return "damage: " + finding.at("kind").get<std::string>() + " " + finding.at("object").get<std::string>();
      }
    }
  }
  if (document.contains("drill")) {
    for (const ordered_json& check : document["drill"].at("checks")) {
      if (check.at("state") == "bad") {
        return check.at("what").get<std::string>() + ": " + check.at("detail").get<std::string>();
      }
    }
  }
  if (document.contains("clusters")) {
    for (const ordered_json& item : document["clusters"].at(0).at("items")) {
      if (item.at("state") == "bad") {
        return item.at("what").get<std::string>() + ": " + item.at("detail").get<std::string>();
      }
    }
  }
  return "its report says what is wrong";
}

std::string_view kind_of(int failed_with) noexcept {
  return failed_with == exit_code(ErrorKind::corruption) ? name(ErrorKind::corruption) : name(ErrorKind::failed);
}

ordered_json stages_json(const Progress& progress) {
  ordered_json stages = ordered_json::array();
  for (const Progress::Stage& stage : progress.stages()) {
    stages.push_back({{"stage", stage.stage}, {"seconds", std::chrono::duration<double>(stage.took).count()}});
  }
  return stages;
}

RunEnd end_of(const JobOutcome& outcome, const Progress& progress) {
  RunEnd end;
  end.state = state_of(outcome.exit_code);
  end.exit_code = outcome.exit_code;
  end.warnings = outcome.warnings;
  if (end.state == RunState::failed) {
    end.error_kind = kind_of(outcome.exit_code);
    end.error_message = outcome.warnings.empty() ? complaint_of(outcome.document) : outcome.warnings.front();
    end.error_hint = "the run's result has all of it";
  }
  ordered_json result = to_json(outcome);
  result["stages"] = stages_json(progress);
  end.result = result.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return end;
}

RunEnd end_of(const Error& error) {
  RunEnd end;
  end.state = error.kind() == ErrorKind::cancelled ? RunState::cancelled : RunState::failed;
  end.exit_code = exit_code(error.kind());
  end.error_kind = name(error.kind());
  end.error_message = error.what();
  end.error_hint = error.hint();
  return end;
}
}  // namespace

ordered_json to_json(const JobOutcome& outcome) {
  return {{"exit_code", outcome.exit_code}, {"presence", outcome.presence == JobOutcome::Presence::report ? "report" : "summary"},
          {"document", outcome.document},   {"text", outcome.text},
          {"warnings", outcome.warnings},   {"details", outcome.details}};
}

JobOutcome job_outcome_of(const ordered_json& json) {
  JobOutcome outcome;
  outcome.exit_code = json.at("exit_code").get<int>();
  outcome.presence =
      json.at("presence").get<std::string>() == "report" ? JobOutcome::Presence::report : JobOutcome::Presence::summary;
  outcome.document = json.at("document");
  outcome.text = json.at("text").get<std::string>();
  outcome.warnings = json.at("warnings").get<std::vector<std::string>>();
  outcome.details = json.at("details").get<std::vector<std::string>>();
  return outcome;
}

RunEnd execute(const RunOrder& order, RepositoryPool& pool, const Clock& clock, Progress& progress,
               const std::stop_token& stop) noexcept {
  try {
    progress.enter("opening the repository");
    const auto repository = pool.get(order.config.repository, order.repository);
    const JobContext context{.repository = *repository->repository, .clock = clock, .progress = progress, .stop = stop};
    return end_of(do_job(order, context), progress);
  } catch (const Error& error) {
    return end_of(error);
  } catch (const std::exception& error) {
    return end_of(Error(ErrorKind::failed, std::string("unexpected: ") + error.what()));
  }
}

RunExecution::RunExecution(RunOrder order, RepositoryPool& pool, const Clock& clock, std::function<void(RunEnd)> on_end)
    : order_(std::move(order)) {
  thread_ = std::jthread([this, &pool, &clock, told = std::move(on_end)](const std::stop_token& stop) {
    told(execute(order_, pool, clock, progress_, stop));
  });
}

}  // namespace pgrecall
