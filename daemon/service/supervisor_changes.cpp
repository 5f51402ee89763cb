#include "base/error.h"
#include "base/units.h"
#include "service/config_changes.h"
#include "service/supervisor.h"

// How the supervisor changes course: reload and drain.

namespace pgrecall {

std::string Supervisor::reload() {
  LoadedConfig loaded;
  try {
    loaded = load_config(options_.config_file);
  } catch (const Error& error) {
    reload_.good = false;
    reload_.problem = error.what();
    say(LogLevel::error, {}, "the configuration is invalid, the old one stays in force: " + std::string(error.what()));
    throw;
  }
  std::string changes;
  apply(std::move(loaded.config), changes);
  reload_ = {.good = true, .problem = {}, .success = options_.clock->now(), .count = reload_.count + 1};
  tell_others(changes);
  say(LogLevel::info, {}, "configuration read: " + changes);
  tick();
  return changes;
}

// What others do not take over leaves them as they were; the rest of the new configuration holds.
void Supervisor::tell_others(std::string& changes) {
  if (!options_.on_reload) {
    return;
  }
  try {
    const std::string others = options_.on_reload(config_);
    changes += others.empty() ? "" : "; " + others;
  } catch (const Error& error) {
    changes += "; metrics and status page stay as they were: " + std::string(error.what());
    say(LogLevel::error, {},
        "metrics and status page stay as they were: " + std::string(error.what()) + "; hint: " + error.hint());
  }
}

void Supervisor::apply(Config config, std::string& changes) {
  const ConfigChanges found = compare(config_, config);
  for (const std::string& repository : found.repositories) {
    pool_.forget(repository);
  }
  config_ = std::move(config);
  log_.set_level(config_.log.level);
  alerts_.configure(config_.alerts);
  queue_.configure(config_);
  schedules_.configure(config_);
  for (auto& [cluster, guarded] : guards_) {
    if (found.guards.contains(cluster) || !config_.clusters.contains(cluster)) {
      guarded.leaving = true;
      guarded.guard->request_stop();  // ended() starts the next one
    }
  }
  for (const auto& [cluster, configured] : config_.clusters) {
    if (!guards_.contains(cluster) && state_ == State::running) {
      start_guard(cluster);
    }
  }
  changes = found.text;
}

void Supervisor::drain() {
  const bool again = state_ == State::draining;
  state_ = State::draining;
  queue_.drain();
  if (again) {
    say(LogLevel::warning, {}, "asked to end again: runs under way are stopped now");
    queue_.stop_all();
    return;
  }
  say(LogLevel::info, {},
      queue_.anything_runs() ? "ending: runs under way have " + format_duration(config_.daemon.drain_limit)
                             : "ending: nothing runs");
  drain_limit_.expires_after(config_.daemon.drain_limit);
  drain_limit_.async_wait([this](const boost::system::error_code& problem) {
    if (!problem && queue_.anything_runs()) {
      say(LogLevel::warning, {}, "runs under way are stopped: daemon.drain_limit is over");
      queue_.stop_all();
    }
  });
  end_if_done();
}

// Runs first, then the guards: WAL is received as long as anything goes on.
void Supervisor::end_if_done() {
  if (state_ != State::draining || queue_.anything_runs() || over_) {
    return;
  }
  if (!guards_stopping_) {
    guards_stopping_ = true;
    for (auto& [cluster, guarded] : guards_) {
      guarded.leaving = true;
      guarded.guard->request_stop();
    }
  }
  if (guards_.empty()) {
    over_ = true;
    wake_.cancel();
    drain_limit_.cancel();
    on_ended_();
  }
}

}  // namespace pgrecall
