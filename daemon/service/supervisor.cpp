#include "service/supervisor.h"

#include <boost/asio/post.hpp>

#include "base/error.h"
#include "base/units.h"
#include "service/after_damage.h"
#include "service/config_changes.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

// Also when nothing is due: a clock that jumped is seen, and the service manager knows that this loop lives.
constexpr std::chrono::milliseconds longest_nap = 10s;
constexpr std::chrono::milliseconds shortest_nap = 10ms;
// Whatever ends the window again and again is not healed by a backup every few minutes.
constexpr std::chrono::minutes between_repairs{30};
constexpr std::chrono::hours history_kept{24 * 400};
}  // namespace

Supervisor::Supervisor(boost::asio::io_context& desk, Config config, Options options, Journal& journal, Alerts& alerts,
                       ServiceLog& log, std::function<void()> on_ended)
    : desk_(desk),
      config_(std::move(config)),
      options_(std::move(options)),
      journal_(journal),
      alerts_(alerts),
      log_(log),
      on_ended_(std::move(on_ended)),
      started_(options_.clock->now()),
      queue_({.journal = journal,
              .pool = pool_,
              .log = log,
              .clock = *options_.clock,
              .engine_clock = *options_.engine_clock,
              .owner = *this}),
      schedules_(journal),
      wake_(desk),
      drain_limit_(desk) {}

Supervisor::~Supervisor() = default;

void Supervisor::say(LogLevel level, const LogFields& fields, const std::string& text) { log_.write(level, fields, text); }

// What fails on the desk concerns one event; the daemon goes on.
void Supervisor::guarded_call(const std::function<void()>& call) noexcept {
  try {
    call();
  } catch (const std::exception& error) {
    log_.write(LogLevel::error, {}, error.what());
  }
}

void Supervisor::post(std::function<void()> call) {
  boost::asio::post(desk_, [this, posted = std::move(call)] {
    guarded_call(posted);
    guarded_call([this] { tick(); });
  });
}

void Supervisor::start() {
  reload_.success = started_;
  schedules_.configure(config_);
  queue_.configure(config_);
  queue_.recover();
  guarded_call([this] { journal_.forget(options_.clock->now() - history_kept); });
  guarded_call([this] { alerts_.forget(options_.clock->now() - history_kept); });
  for (const auto& [cluster, configured] : config_.clusters) {
    start_guard(cluster);
  }
  tick();
}

ClusterGuard::Options Supervisor::guard_options(const std::string& cluster) const {
  const ClusterConfig& configured = config_.clusters.at(cluster);
  return {.cluster = cluster,
          .config = configured,
          .repository = config_.repositories.at(configured.repository),
          .spool = config_.spool,
          .state = config_.daemon.state};
}

void Supervisor::start_guard(const std::string& cluster) {
  GuardListener& listener = *this;  // which nobody else may see in us
  Guarded& guarded = guards_[cluster];
  guarded = {};
  guarded.guard = std::make_unique<ClusterGuard>(guard_options(cluster), pool_, *options_.engine_clock, listener);
}

void Supervisor::on_line(const std::string& cluster, LogLevel level, const std::string& text) noexcept {
  log_.write(level, {cluster, {}, {}}, text);
}

void Supervisor::on_trouble(const std::string& cluster, const std::string& text, const std::string& hint) noexcept {
  log_.write(LogLevel::error, {cluster, {}, {}}, text + (hint.empty() ? "" : "; hint: " + hint));
}

void Supervisor::on_wal_event(const std::string& cluster, const WalEvent& event) noexcept {
  log_.write(event.harmless() ? LogLevel::info : LogLevel::warning, {cluster, {}, {}},
             std::string(name(event.kind)) + ": " + event.text + (event.hint.empty() ? "" : "; hint: " + event.hint));
  if (event.kind == WalEventKind::gap) {
    guarded_call([&] { post([this, cluster, text = event.text] { repair(cluster, text); }); });
  }
  if (event.kind == WalEventKind::slot_lost || event.kind == WalEventKind::timeline_lost) {
    guarded_call([&] { post([this, cluster, event] { tell_lost_wal(cluster, event); }); });
  }
}

void Supervisor::on_taken(const std::string& cluster, const BackupFacts& facts) noexcept {
  guarded_call([&] { post([this, cluster, facts] { taken(cluster, facts); }); });
}

void Supervisor::on_ended(const std::string& cluster) noexcept {
  guarded_call([&] { post([this, cluster] { ended(cluster); }); });
}

// Both are over when they are seen: the slot is made anew at once, the timeline is left.
void Supervisor::tell_lost_wal(const std::string& cluster, const WalEvent& event) {
  Alert alert;
  alert.severity = Severity::critical;
  alert.cluster = cluster;
  if (event.kind == WalEventKind::slot_lost) {
    alert.name = condition::slot_lost;
    alert.summary = "The server of " + cluster + " cut the replication slot off, and WAL that was not received yet may be gone.";
    alert.action = "The slot is made anew by itself. See with pgrecall wal status " + cluster +
                   " whether WAL is missing; raise max_slot_wal_keep_size on the server.";
  } else {
    alert.name = condition::wal_gap;
    alert.subject = "timeline " + std::to_string(event.timeline);
    alert.summary = "WAL of " + cluster + " that was safe here is no part of the server's new timeline: " + event.text + ".";
    alert.action = event.hint + (event.hint.empty() ? "" : ". ") +
                   "What only the old primary had can be brought back beside the new one with pgrecall restore " + cluster +
                   " --timeline.";
  }
  alerts_.happen(std::move(alert));
}

void Supervisor::on_given_up(const Run& run) {
  Alert alert;
  alert.name = condition::run_failed;
  alert.cluster = run.cluster;
  alert.subject = run.job;
  alert.run = run.id;
  alert.summary = run.job + " of " + run.cluster + " was interrupted: the daemon ended while it ran.";
  alert.action = "Start it again by hand if it matters; see with pgrecall runs " + run.cluster + " what comes next.";
  alerts_.happen(std::move(alert));
}

bool Supervisor::is_ours(const std::string& cluster) const {
  const auto found = guards_.find(cluster);
  return found != guards_.end() && found->second.taken && !found->second.leaving &&
         found->second.guard->status().state == GuardState::active;
}

void Supervisor::taken(const std::string& cluster, const BackupFacts& facts) {
  const auto found = guards_.find(cluster);
  if (found == guards_.end() || found->second.leaving || !config_.clusters.contains(cluster)) {
    return;
  }
  found->second.taken = true;
  say(LogLevel::info, {cluster, {}, {}}, "the work on this cluster is ours");
  for (const auto& [job, newest] : facts.newest) {
    schedules_.note_done(cluster, job, newest);
  }
  if (facts.newest_verified) {
    schedules_.note_done(cluster, "verify", *facts.newest_verified);
  }
  remember_backups(cluster, facts);
  start_first_backup(cluster, facts);
}

// A journal that is new tells at least of the backups that there are.
void Supervisor::remember_backups(const std::string& cluster, const BackupFacts& facts) {
  const std::string note = "rebuilt " + cluster;
  if (!journal_.note(note).empty()) {
    return;
  }
  for (const KnownBackup& backup : facts.backups) {
    Run run;
    run.cluster = cluster;
    run.job = backup.keep == "manual" ? "backup" : backup.keep;
    run.trigger = backup.keep == "manual" ? RunTrigger::manual : RunTrigger::schedule;
    run.created = backup.started;
    run.started = backup.started;
    run.ended = backup.finished;
    run.state = RunState::done;
    run.exit_code = exit_done;
    run.reason = "backup " + backup.id + ", found in the repository";
    journal_.add(run);
  }
  journal_.set_note(note, format_time(options_.clock->now()));
}

void Supervisor::start_first_backup(const std::string& cluster, const BackupFacts& facts) {
  const ScheduleConfig& schedule = config_.clusters.at(cluster).schedule;
  const bool scheduled = schedule.daily != "never" || schedule.weekly != "never" || schedule.monthly != "never";
  if (facts.newest_started || !scheduled || state_ != State::running) {
    return;
  }
  for (const std::vector<Run>& runs : {queue_.waiting(), queue_.running()}) {
    for (const Run& run : runs) {
      if (run.cluster == cluster && is_backup(parse_job_kind(run.job).value_or(JobKind::check))) {
        return;
      }
    }
  }
  Run run;
  run.cluster = cluster;
  run.job = name(JobKind::daily);
  run.trigger = RunTrigger::first;
  run.reason = "there is no backup of this cluster yet";
  queue_.submit(run);
}

void Supervisor::repair(const std::string& cluster, const std::string& why) {
  const Time now = options_.clock->now();
  if (state_ != State::running || !config_.clusters.contains(cluster)) {
    return;
  }
  for (const Run& run : journal_.list({.cluster = cluster, .states = {}, .before = {}, .limit = 50})) {
    // Those that answer damage are other jobs, and may have begun before the gap.
    if (run.trigger == RunTrigger::repair && run.job == name(JobKind::daily) &&
        (run.state == RunState::queued || now - run.created < between_repairs)) {
      return;
    }
  }
  Run run;
  run.cluster = cluster;
  run.job = name(JobKind::daily);
  run.trigger = RunTrigger::repair;
  run.reason = "the recovery window is broken: " + why;
  queue_.submit(run);
}

void Supervisor::ended(const std::string& cluster) {
  const auto found = guards_.find(cluster);
  if (found == guards_.end()) {
    return;
  }
  guards_.erase(found);  // its threads are over
  if (!guards_stopping_ && config_.clusters.contains(cluster)) {
    start_guard(cluster);  // changed by a reload
  }
  end_if_done();
}

void Supervisor::on_run_started(const Run& run) {
  if (options_.heartbeats != nullptr) {
    options_.heartbeats->run(Heartbeats::RunEvent::start, run.cluster, run.job, run.id);
  }
}

// What is tried again has not failed yet for whoever watches from outside.
void Supervisor::on_run_ended(const Run& run, Retry retry) {
  const bool good = run.state == RunState::done || run.state == RunState::warnings;
  if (options_.heartbeats != nullptr && (good || retry == Retry::none)) {
    options_.heartbeats->run(good ? Heartbeats::RunEvent::success : Heartbeats::RunEvent::fail, run.cluster, run.job, run.id);
  }
}

void Supervisor::on_run_over(const Run& run) {
  if (state_ == State::running && config_.clusters.contains(run.cluster)) {
    constexpr unsigned looked_through = 200;
    if (auto next = next_after_damage(
            run, journal_.list({.cluster = run.cluster, .states = {}, .before = {}, .limit = looked_through}))) {
      queue_.submit(std::move(*next));
    }
  }
  if (const auto found = guards_.find(run.cluster); found != guards_.end()) {
    found->second.guard->look_again();
    found->second.guard->receive_again();
  }
  end_if_done();
}

Run Supervisor::request_run(const std::string& cluster, JobKind kind, const nlohmann::ordered_json& options,
                            const std::string& who) {
  if (!config_.clusters.contains(cluster)) {
    throw Error(ErrorKind::usage, "the daemon's configuration has no such cluster",
                "look at pgrecall status, or reload the daemon's configuration: systemctl reload pgrecall")
        .with("cluster", cluster);
  }
  if (state_ != State::running) {
    throw Error(ErrorKind::held, "the daemon is about to end and starts nothing any more", "try again when it is back");
  }
  Run run;
  run.cluster = cluster;
  run.job = name(kind);
  run.trigger = RunTrigger::manual;
  run.reason = who;
  run.options = options.dump();
  run.id = queue_.submit(run);
  tick();
  return journal_.find(run.id).value_or(run);
}

std::optional<GuardStatus> Supervisor::guard_status(const std::string& cluster) const {
  const auto found = guards_.find(cluster);
  return found == guards_.end() ? std::nullopt : std::optional(found->second.guard->status());
}

std::string Supervisor::status_line() const {
  std::size_t receiving = 0;
  std::size_t ours = 0;
  for (const auto& [cluster, guarded] : guards_) {
    const GuardStatus status = guarded.guard->status();
    ours += status.state == GuardState::active ? 1U : 0U;
    receiving += status.receiver && status.receiver->state == WalReceiverState::streaming ? 1U : 0U;
  }
  std::string line = state_ == State::draining ? "ending; " : "";
  line += "receiving WAL of " + std::to_string(receiving) + " of " + std::to_string(config_.clusters.size()) + " clusters";
  if (ours < config_.clusters.size()) {
    line += ", working on " + std::to_string(ours);
  }
  const std::vector<Run> running = queue_.running();
  for (std::size_t i = 0; i < running.size(); ++i) {
    line += (i == 0 ? "; running: " : ", ") + running[i].job + " of " + running[i].cluster;
  }
  if (!queue_.waiting().empty()) {
    line += "; " + std::to_string(queue_.waiting().size()) + " waiting";
  }
  return line;
}

void Supervisor::tick() {
  if (over_) {
    return;
  }
  std::optional<Time> wake;
  guarded_call([&] { wake = start_what_is_due(); });
  guarded_call([this] { look_after_journal(); });
  wake_at(wake);
}

std::optional<Time> Supervisor::start_what_is_due() {
  if (state_ != State::running) {
    return std::nullopt;
  }
  const auto ours = [this](const std::string& cluster) { return is_ours(cluster); };
  const auto activity = [this](const JobSchedule& schedule) {
    const ClusterActivity found = queue_.activity(schedule.cluster, schedule.job);
    const bool room = queue_.has_room(config_.clusters.at(schedule.cluster).repository);
    return found == ClusterActivity::idle && !room ? ClusterActivity::other_run : found;
  };
  while (true) {
    const std::optional<Time> queue_wake = queue_.dispatch();
    const Schedules::Round round = schedules_.look(ours, activity, options_.clock->now());
    for (const Schedules::Skipped& skipped : round.skipped) {
      note_skipped(skipped);
    }
    if (!round.due) {
      return queue_wake && round.wake ? std::min(queue_wake, round.wake) : (queue_wake ? queue_wake : round.wake);
    }
    start_due(*round.due);
  }
}

void Supervisor::start_due(const Schedules::Due& due) {
  Run run;
  run.cluster = due.cluster;
  run.job = due.job;
  run.trigger = due.start.reason == StartReason::catch_up ? RunTrigger::catch_up : RunTrigger::schedule;
  run.due = due.start.due;
  if (due.job == name(JobKind::verify)) {
    run.options = scheduled_verify_options;
  }
  queue_.start_due(std::move(run), due.handled);
  schedules_.started(due);
}

void Supervisor::note_skipped(const Schedules::Skipped& skipped) {
  Run run;
  run.cluster = skipped.cluster;
  run.job = skipped.job;
  run.trigger = RunTrigger::schedule;
  run.due = skipped.skip.due;
  run.created = options_.clock->now();
  run.ended = run.created;
  run.state = RunState::skipped;
  run.reason = text(skipped.skip.reason);
  run.id = journal_.add(run);
  const bool expected = skipped.skip.reason == SkipReason::superseded || skipped.skip.reason == SkipReason::already_started;
  say(expected ? LogLevel::info : LogLevel::warning, {run.cluster, run.job, run.id},
      run.job + " due at " + format_time(*run.due) + " was left out: " + run.reason);
}

// Runs go on without its file; somebody has to know.
void Supervisor::look_after_journal() {
  std::string problem = journal_.problem();
  if (problem.empty()) {
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!journal_trouble_) {
    say(LogLevel::error, {},
        "the state cannot be written: what changes is kept in memory only, and runs go on: " + problem +
            "; hint: look at the directory of daemon.state: its space, its owner, its file system");
    journal_trouble_ = JournalTrouble{.since = options_.clock->now(), .problem = std::move(problem)};
    journal_tried_ = now;
    return;
  }
  if (now - journal_tried_ < longest_nap) {
    return;
  }
  journal_tried_ = now;
  if (journal_.return_to_file()) {
    journal_trouble_.reset();
    say(LogLevel::info, {}, "the state can be written again");
  }
}

void Supervisor::wake_at(std::optional<Time> time) {
  std::chrono::milliseconds nap = longest_nap;
  if (time) {
    const std::chrono::duration<double> until = *time - options_.clock->now();
    const auto real = std::chrono::duration_cast<std::chrono::milliseconds>(until / options_.clock_speed) + 1ms;
    nap = std::clamp(real, shortest_nap, longest_nap);
  }
  wake_.expires_after(nap);
  wake_.async_wait([this](const boost::system::error_code& problem) {
    if (!problem) {
      tick();
    }
  });
}

}  // namespace pgrecall
