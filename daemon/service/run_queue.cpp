#include "service/run_queue.h"

#include <algorithm>
#include <system_error>

#include "base/units.h"

namespace pgrecall {

namespace {
// What trying again may heal; a repository that is not there may be a file system that is not mounted yet. Damage and a wrong
// configuration stay what they are, and so does what a job found that ran well.
bool may_heal(const Run& run) {
  return run.result.empty() &&
         (run.error_kind == name(ErrorKind::failed) || run.error_kind == name(ErrorKind::held) ||
          run.error_kind == name(ErrorKind::no_repository) || run.error_kind == name(ErrorKind::database_unreachable) ||
          run.error_kind == name(ErrorKind::store_unreachable));
}

std::string took(const Run& run) {
  if (!run.started || !run.ended || *run.ended < *run.started) {
    return {};
  }
  return " after " + format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(*run.ended - *run.started));
}
}  // namespace

void RunQueue::say(LogLevel level, const Run& run, const std::string& text) {
  around_.log.write(level, {run.cluster, run.job, run.id}, text);
  try {
    around_.journal.add_log(run.id, around_.clock.now(), level, text);
  } catch (const Error& error) {
    around_.log.write(LogLevel::error, {run.cluster, run.job, run.id}, error.what());
  }
}

// A journal that cannot be written must not end a run, nor keep another from starting.
void RunQueue::save(const Run& run) {
  try {
    around_.journal.update(run);
  } catch (const Error& error) {
    around_.log.write(LogLevel::error, {run.cluster, run.job, run.id}, error.what());
  }
}

void RunQueue::configure(const Config& config) {
  config_ = config;
  limits_.all = config.daemon.parallel_runs;
  limits_.of_repository.clear();
  for (const auto& [name, repository] : config.repositories) {
    limits_.of_repository[name] = repository.parallel_runs;
  }
  for (std::size_t i = waiting_.size(); i-- > 0;) {
    if (!config_.clusters.contains(waiting_[i].cluster)) {
      end_waiting(i, RunState::cancelled, "the configuration has no such cluster any more");
    }
  }
}

void RunQueue::recover() {
  for (const Run& run : around_.journal.mark_interrupted(around_.clock.now())) {
    const bool again = try_again(run);
    say(LogLevel::warning, run, "interrupted: the daemon ended while it ran" + std::string(again ? "; it is tried again" : ""));
    if (!again && config_.clusters.contains(run.cluster)) {
      around_.owner.on_given_up(run);
    }
  }
  auto queued = around_.journal.list({.cluster = {}, .states = {RunState::queued}, .before = {}, .limit = 1000});
  waiting_.assign(std::make_move_iterator(queued.rbegin()), std::make_move_iterator(queued.rend()));
  configure(Config(config_));
}

std::string RunQueue::submit(Run run) {
  run.state = RunState::queued;
  run.created = around_.clock.now();
  run.id = around_.journal.add(run);
  say(LogLevel::info, run, run.job + " was asked for" + (run.reason.empty() ? "" : ": " + run.reason));
  waiting_.push_back(run);
  return run.id;
}

void RunQueue::start_due(Run run, Time handled) {
  run.created = around_.clock.now();
  run.started = run.created;
  run.state = RunState::running;
  run.id = around_.journal.add_due(run, handled);
  start(std::move(run));
}

void RunQueue::start(Run run) {
  RunOrder order{.id = run.id,
                 .cluster = run.cluster,
                 .kind = parse_job_kind(run.job).value_or(JobKind::check),
                 .options = nlohmann::ordered_json::parse(run.options, nullptr, false),
                 .config = config_.clusters.at(run.cluster),
                 .repository = {},
                 .spool = config_.spool,
                 .scratch = config_.scratch,
                 .state = config_.daemon.state};
  order.repository = config_.repositories.at(order.config.repository);
  say(LogLevel::info, run, run.job + " started" + (run.attempt > 1 ? ", attempt " + std::to_string(run.attempt) : ""));
  const std::string id = run.id;
  try {
    auto execution = std::make_unique<RunExecution>(std::move(order), around_.pool, around_.engine_clock, [this, id](RunEnd end) {
      around_.owner.post([this, id, ended = std::move(end)] { over(id, ended); });
    });
    const Run& started = active_.emplace(id, Active{std::move(run), std::move(execution), {}}).first->second.run;
    around_.owner.on_run_started(started);
  } catch (const std::system_error& no_thread) {
    RunEnd end;
    end.state = RunState::failed;
    end.error_kind = name(ErrorKind::failed);
    end.error_message = std::string("no thread can be started: ") + no_thread.what();
    finish(std::move(run), end);
  }
}

void RunQueue::over(const std::string& id, const RunEnd& end) {
  const auto found = active_.find(id);
  Run run = std::move(found->second.run);
  run.reason = found->second.cancelled_because;
  active_.erase(found);  // joins its thread, which has nothing left to do
  finish(std::move(run), end);
}

void RunQueue::finish(Run run, const RunEnd& end) {
  run.ended = around_.clock.now();
  run.state = end.state;
  run.exit_code = end.exit_code;
  run.error_kind = end.error_kind;
  run.error_message = end.error_message;
  run.error_hint = end.error_hint;
  run.result = end.result;
  if (run.state == RunState::cancelled && stopping_ && run.reason.empty()) {
    run.state = RunState::interrupted;
    run.reason = "the daemon was stopped";
  }
  save(run);
  for (const std::string& warning : end.warnings) {
    say(LogLevel::warning, run, warning);
  }
  const bool again = try_again(run);
  tell_end(run, again);
  around_.owner.on_run_ended(run, again ? RunQueueOwner::Retry::planned : RunQueueOwner::Retry::none);
  around_.owner.on_run_over(run);
}

void RunQueue::tell_end(const Run& run, bool tried_again) {
  if (run.state == RunState::done || run.state == RunState::cancelled) {
    say(LogLevel::info, run, run.job + (run.state == RunState::done ? " is done" : " was cancelled") + took(run));
    return;
  }
  if (run.state == RunState::warnings || run.state == RunState::interrupted) {
    say(LogLevel::warning, run,
        run.job + (run.state == RunState::warnings ? " is done, with warnings" : " was interrupted: " + run.reason) + took(run));
    return;
  }
  const std::string& why = run.error_message;
  say(tried_again ? LogLevel::warning : LogLevel::error, run,
      run.job + " failed" + took(run) + ": " + why + (run.error_hint.empty() ? "" : "; hint: " + run.error_hint));
}

bool RunQueue::try_again(const Run& run) {
  const auto cluster = config_.clusters.find(run.cluster);
  const bool interrupted = run.state == RunState::interrupted;
  // Whoever asked for a run sees that it failed; nobody may be there any more when the daemon comes back.
  const bool wanted = interrupted || (run.state == RunState::failed && run.trigger != RunTrigger::manual && may_heal(run));
  if (!wanted || cluster == config_.clusters.end() || run.attempt > cluster->second.schedule.retries) {
    return false;
  }
  Run again;
  again.cluster = run.cluster;
  again.job = run.job;
  again.trigger = RunTrigger::retry;
  again.due = run.due;
  again.options = run.options;
  again.attempt = run.attempt + 1;
  again.created = around_.clock.now();
  again.reason = "again after " + run.id;
  if (!interrupted) {
    again.not_before = again.created + cluster->second.schedule.retry_after;
  }
  try {
    again.id = around_.journal.add(again);
    waiting_.push_back(again);
    return true;
  } catch (const Error& error) {
    around_.log.write(LogLevel::error, {run.cluster, run.job, run.id}, error.what());
    return false;
  }
}

void RunQueue::end_waiting(std::size_t index, RunState state, const std::string& reason) {
  Run run = std::move(waiting_[index]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  run.state = state;
  run.reason = reason;
  run.ended = around_.clock.now();
  save(run);
  say(LogLevel::info, run, run.job + " was " + std::string(name(state)) + ": " + reason);
  around_.owner.on_run_over(run);
}

RunQueue::Cancelled RunQueue::cancel(const std::string& id, const std::string& why) {
  if (const auto found = active_.find(id); found != active_.end()) {
    found->second.cancelled_because = why;
    found->second.execution->request_stop();
    return Cancelled::requested;
  }
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].id == id) {
      end_waiting(i, RunState::cancelled, why);
      return Cancelled::requested;
    }
  }
  return around_.journal.find(id) ? Cancelled::over : Cancelled::unknown;
}

std::vector<WaitingRun> RunQueue::waiting_runs() const {
  std::vector<WaitingRun> all;
  for (const Run& run : waiting_) {
    const ClusterConfig& cluster = config_.clusters.at(run.cluster);
    all.push_back({.id = run.id,
                   .cluster = run.cluster,
                   .repository = cluster.repository,
                   .trigger = run.trigger,
                   .not_before = run.not_before,
                   .off_peak = cluster.schedule.off_peak,
                   .zone = TimeZone::named(cluster.schedule.timezone),
                   .cluster_is_ours = around_.owner.is_ours(run.cluster)});
  }
  return all;
}

std::vector<RunningRun> RunQueue::running_runs() const {
  std::vector<RunningRun> all;
  for (const auto& [id, active] : active_) {
    all.push_back({id, active.run.cluster, active.execution->order().config.repository});
  }
  return all;
}

std::optional<Time> RunQueue::dispatch() {
  while (!draining_ && !waiting_.empty()) {
    const RunChoice choice = choose_run(waiting_runs(), running_runs(), limits_, around_.clock.now());
    for (Run& run : waiting_) {
      const auto reason = choice.reasons.find(run.id);
      if (reason != choice.reasons.end() && run.reason != reason->second) {
        run.reason = reason->second;
        save(run);
      }
    }
    if (!choice.next) {
      return choice.wake;
    }
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), [&](const Run& run) { return run.id == *choice.next; });
    Run run = std::move(*next);
    waiting_.erase(next);
    run.state = RunState::running;
    run.started = around_.clock.now();
    run.reason.clear();
    save(run);
    start(std::move(run));
  }
  return std::nullopt;
}

ClusterActivity RunQueue::activity(const std::string& cluster, const std::string& job) const {
  ClusterActivity found = ClusterActivity::idle;
  const auto look_at = [&](const Run& run) {
    if (run.cluster == cluster) {
      found = run.job == job || found == ClusterActivity::same_job ? ClusterActivity::same_job : ClusterActivity::other_run;
    }
  };
  for (const auto& [id, active] : active_) {
    look_at(active.run);
  }
  for (const Run& run : waiting_) {
    // A retry that waits for its time keeps no other job from running.
    if (run.job == job || !run.not_before || *run.not_before <= around_.clock.now()) {
      look_at(run);
    }
  }
  return found;
}

bool RunQueue::has_room(const std::string& repository) const { return pgrecall::has_room(limits_, running_runs(), repository); }

void RunQueue::stop_all() {
  stopping_ = true;
  for (auto& [id, active] : active_) {
    active.execution->request_stop();
  }
}

std::vector<Run> RunQueue::running() const {
  std::vector<Run> all;
  for (const auto& [id, active] : active_) {
    all.push_back(active.run);
  }
  return all;
}

const RunExecution* RunQueue::execution(const std::string& id) const {
  const auto found = active_.find(id);
  return found == active_.end() ? nullptr : found->second.execution.get();
}

}  // namespace pgrecall
