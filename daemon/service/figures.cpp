#include "service/figures.h"

#include <algorithm>
#include <cmath>

#include "jobs/companions.h"
#include "version.h"

namespace pgrecall {

namespace {
using Seconds = std::chrono::duration<double>;

// Less is the slewing of a clock, or a desk that was busy between two readings.
constexpr double smallest_jump_seconds = 5;
constexpr std::chrono::seconds between_looks{60};  // at a repository's space

std::set<std::string> scheduled_jobs(const ScheduleConfig& schedule) {
  std::set<std::string> jobs;
  const auto add = [&](JobKind kind, const std::string& when) {
    if (when != "never") {
      jobs.emplace(name(kind));
    }
  };
  add(JobKind::daily, schedule.daily);
  add(JobKind::weekly, schedule.weekly);
  add(JobKind::monthly, schedule.monthly);
  add(JobKind::verify, schedule.verify);
  add(JobKind::drill, schedule.drill);
  add(JobKind::expire, schedule.expire);
  add(JobKind::check, schedule.check);
  return jobs;
}

Time later(const std::optional<Time>& a, Time b) { return a ? std::max(*a, b) : b; }

// What the repository tells of runs that a journal which is new knows nothing of.
void restore_from_backups(ClusterFigures& figures) {
  for (JobFigures& job : figures.jobs) {
    for (const BackupFigures& backup : figures.backups) {
      if ((backup.keep == "manual" ? "backup" : backup.keep) == job.job) {
        job.last_success = later(job.last_success, backup.finished);
        job.last_completion = later(job.last_completion, backup.finished);
      }
    }
  }
}

void add_wal(WalFigures& wal, const WalReceiverStatus& receiver) {
  wal.state = name(receiver.state);
  if (!receiver.last_error.empty()) {
    wal.problem = receiver.last_error;
    wal.hint.clear();
  }
  if (receiver.heard != Time{}) {
    wal.updated = receiver.heard;
  }
  wal.lag_bytes = receiver.server_end.value - std::min(receiver.server_end.value, receiver.durable.value);
  wal.spool_bytes = receiver.spool_bytes;
  wal.spool_limit = receiver.spool_limit;
  wal.refused = receiver.refused;
  wal.store_failing = receiver.store_failing;
  if (receiver.durable_time != Time{}) {
    wal.durable_time = receiver.durable_time;
  }
}

void add_counters(WalFigures& wal, const WalCounters& counters) {
  wal.received_bytes = counters.received_bytes;
  wal.stored_segments = counters.stored_segments;
  wal.failures = counters.failures;
  wal.acknowledge_seconds = counters.acknowledge.read();
}

void add_server(ClusterFigures& figures, const ServerFacts& server) {
  if (server.slot.asked != Time{}) {
    figures.wal.slot = server.slot;
  }
  if (server.role_ends) {
    figures.credentials.push_back({"password of role " + server.role, *server.role_ends});
  }
}

// Since when there may be WAL that is not here. It goes on counting where there is no receiver.
Time safe_until(const ClusterFigures& figures) {
  return figures.wal.durable_time.value_or(figures.recoverable_until.value_or(figures.guarded_since));
}

bool same_place(const RepositoryConfig& a, const RepositoryConfig& b) { return a.directory == b.directory && a.url == b.url; }
}  // namespace

void add_guard(ClusterFigures& figures, const GuardStatus& guard, Time now) {
  figures.state = name(guard.state);
  figures.ours = guard.state == GuardState::active;
  figures.problem = guard.problem;
  figures.hint = guard.hint;
  figures.wal.problem = guard.receiver_problem;
  figures.wal.hint = guard.receiver_hint;
  if (guard.receiver) {
    add_wal(figures.wal, *guard.receiver);
  }
  if (guard.counters) {
    add_counters(figures.wal, *guard.counters);
  }
  add_server(figures, guard.server);
  const WindowFacts& window = guard.window;
  figures.window_problem = window.problem;
  if (window.computed != Time{}) {
    figures.window_computed = window.computed;
  }
  figures.recoverable_from = window.from;
  figures.recoverable_until = window.until;
  if (window.until && window.followed && figures.wal.durable_time) {
    figures.recoverable_until = std::max(*window.until, *figures.wal.durable_time);
  }
  figures.spans = window.latest_spans;
  if (!figures.spans.empty() && figures.recoverable_until) {
    figures.spans.back().until = std::max(figures.spans.back().until, *figures.recoverable_until);
  }
  const auto promised = std::chrono::duration_cast<std::chrono::microseconds>(Seconds(figures.targets.window_seconds));
  const auto within = [&](Time end) { return end > now - promised; };
  figures.wal.gaps = static_cast<std::uint64_t>(std::ranges::count_if(window.gap_ends, within));
  figures.window_broken = figures.wal.gaps > 0;
  figures.window_awaited = std::ranges::any_of(window.awaited_gap_ends, within);
  figures.wal.gap_repaired = std::ranges::find(window.gap_ends, Time::max()) == window.gap_ends.end();
  figures.first_backup_started = window.first_backup_started;
  figures.drill = window.drill;
  figures.newest_backup_started = window.newest_backup_started;
  figures.backups_by_keep = window.backups_by_keep;
  if (window.known_backups) {
    figures.backups = *window.known_backups;
  }
}

// The first that there ever was. Retention takes the oldest away, and a window that is too short must not look like a young one.
std::optional<Time> Figures::first_backup(const std::string& cluster, const std::optional<Time>& oldest) {
  const std::string note = "first backup of " + cluster;
  const auto known = first_backups_.find(cluster);
  std::optional<Time> first =
      known != first_backups_.end() ? std::optional(known->second) : parse_time(supervisor_.journal().note(note));
  if (oldest && (!first || *oldest < *first)) {
    first = std::chrono::floor<std::chrono::seconds>(*oldest);
    supervisor_.journal().set_note(note, format_time(*first));
  }
  if (first) {
    first_backups_[cluster] = *first;
  }
  return first;
}

const JournalFigures& Figures::counted(const std::string& cluster) {
  Counted& known = counted_[cluster];
  const std::uint64_t changes = supervisor_.journal().changes_of(cluster) + 1;  // 0 is: never counted
  if (known.changes != changes) {
    known.figures = journal_figures(supervisor_.journal(), cluster, promised_.at(cluster).scheduled);
    known.changes = changes;
  }
  return known.figures;
}

void Figures::add_running(JobFigures& job, const Run& run, const ClusterFigures& figures, Time now) {
  JobFigures::Running running;
  running.run = run.id;
  running.started = run.started.value_or(run.created);
  if (const RunExecution* execution = supervisor_.queue().execution(run.id)) {
    const Progress::Snapshot at = execution->progress().snapshot();
    running.phase = at.phase;
    running.done_bytes = at.done;
    running.expected_bytes = at.total;
  }
  if (running.expected_bytes == 0 && is_backup(parse_job_kind(run.job).value_or(JobKind::check)) && !figures.backups.empty()) {
    running.expected_bytes = figures.backups.back().logical_bytes;
  }
  Moved& moved = moved_.try_emplace(run.id, Moved{running.done_bytes, running.started}).first->second;
  if (moved.done_bytes != running.done_bytes) {
    moved = {running.done_bytes, now};
  }
  running.progress = moved.when;
  job.running = std::move(running);
}

void Figures::add_jobs(ClusterFigures& figures, Time now) {
  const JournalFigures& known = counted(figures.cluster);
  figures.jobs = known.jobs;
  const auto damaged = std::ranges::find_if(figures.backups, [](const BackupFigures& each) { return each.damaged; });
  const auto marked =
      static_cast<std::uint64_t>(std::ranges::count_if(figures.backups, [](const BackupFigures& each) { return each.damaged; }));
  figures.damaged_objects = std::max(known.damage.objects, marked);
  figures.damage = known.damage.objects > 0 || marked == 0 ? known.damage.first : "backup " + damaged->id;
  restore_from_backups(figures);
  const auto job_of = [&](const std::string& job) -> JobFigures* {
    const auto found = std::ranges::find_if(figures.jobs, [&](const JobFigures& each) { return each.job == job; });
    return found == figures.jobs.end() ? nullptr : &*found;
  };
  for (const Schedules::Upcoming& upcoming : supervisor_.schedules().upcoming(figures.cluster, now)) {
    if (JobFigures* job = job_of(upcoming.job)) {
      job->next = upcoming.planned;
    }
  }
  const auto of_queue = [&](const Run& run) -> JobFigures* {
    if (run.cluster != figures.cluster) {
      return nullptr;
    }
    if (job_of(run.job) == nullptr) {
      figures.jobs.emplace_back().job = run.job;  // its first run
    }
    JobFigures* job = job_of(run.job);
    job->tried_again = job->tried_again || run.trigger == RunTrigger::retry;
    return job;
  };
  for (const Run& run : supervisor_.queue().waiting()) {
    of_queue(run);
  }
  for (const Run& run : supervisor_.queue().running()) {
    if (JobFigures* job = of_queue(run)) {
      add_running(*job, run, figures, now);
    }
  }
}

ClusterFigures Figures::cluster_figures(const std::string& cluster, Time now) {
  const ClusterConfig& configured = supervisor_.config().clusters.at(cluster);
  ClusterFigures figures;
  figures.cluster = cluster;
  figures.repository = configured.repository;
  figures.timezone = configured.schedule.timezone;
  figures.guarded_since = guarded_since_.try_emplace(cluster, now).first->second;
  figures.targets = promised_.at(cluster).targets;
  figures.vault_key_expected = expects_vault_key(configured);
  const std::optional<GuardStatus> guard = supervisor_.guard_status(cluster);
  GuardStatus none;
  none.state = GuardState::stopped;
  add_guard(figures, guard ? *guard : none, now);
  figures.first_backup_started = first_backup(cluster, figures.first_backup_started);
  if (!figures.wal.durable_time) {
    if (const auto known = durable_.find(cluster); known != durable_.end()) {
      figures.wal.durable_time = known->second;
    }
  } else {
    durable_[cluster] = *figures.wal.durable_time;
  }
  figures.wal.lag_seconds = std::max(0.0, Seconds(now - safe_until(figures)).count());
  add_jobs(figures, now);
  return figures;
}

// Both clocks go on alike, but for somebody who set the one that tells the time.
void Figures::watch_clock(Time now) {
  const auto steady = options_.clock->steady_now();
  if (last_tick_) {
    const double jump =
        Seconds(now - last_tick_->first).count() - Seconds(steady - last_tick_->second).count() * options_.clock_speed;
    if (std::abs(jump) > smallest_jump_seconds * options_.clock_speed) {
      clock_jumped_ = now;
      clock_jump_seconds_ = jump;
    }
  }
  last_tick_ = {now, steady};
}

// Targets are worked out once: the schedule is walked through for them.
void Figures::take_configuration() {
  const std::uint64_t number = supervisor_.last_reload().count;
  if (taken_ == number) {
    return;
  }
  taken_ = number;
  counted_.clear();
  promised_.clear();
  const Config& config = supervisor_.config();
  for (const auto& [cluster, configured] : config.clusters) {
    Promised& promised = promised_[cluster];
    promised.scheduled = scheduled_jobs(configured.schedule);
    const auto age =
        configured.targets.backup_max_age ? configured.targets.backup_max_age : scheduled_backup_max_age(configured.schedule);
    promised.targets = {
        .window_seconds = Seconds(configured.retention.window).count(),
        .rpo_seconds = Seconds(configured.targets.rpo).count(),
        .backup_max_age_seconds = age ? Seconds(*age).count() : 0,
        .wal_interruption_seconds = Seconds(configured.targets.wal_interruption).count(),
        .slot_retained_bytes = configured.targets.slot_retained,
        .drill_max_age_seconds = configured.schedule.drill == "never" ? 0 : Seconds(configured.targets.drill_max_age).count()};
  }
  std::erase_if(watches_, [&](std::unique_ptr<RepositoryWatch>& watch) {
    const auto now = config.repositories.find(watch->options().repository);
    if (now != config.repositories.end() && same_place(now->second, watch->options().config)) {
      return false;
    }
    watch->request_stop();
    leaving_.push_back(std::move(watch));
    return true;
  });
  for (const auto& [repository, configured] : config.repositories) {
    const auto known =
        std::ranges::find_if(watches_, [&](const auto& watch) { return watch->options().repository == repository; });
    if (known == watches_.end()) {
      watches_.push_back(std::make_unique<RepositoryWatch>(
          RepositoryWatch::Options{.repository = repository, .config = configured, .clock = options_.clock}, supervisor_.pool(),
          supervisor_.journal()));
    }
  }
}

void Figures::add_repositories(ServiceFigures& figures, Time now) {
  std::erase_if(leaving_, [](const auto& watch) { return watch->ended(); });
  // A run that ended has changed how much there is.
  std::uint64_t changes = 0;
  for (const ClusterFigures& cluster : figures.clusters) {
    changes += supervisor_.journal().changes_of(cluster.cluster);
  }
  const bool due = !looked_ || now - *looked_ >= between_looks || now < *looked_ || changes != changes_looked_at_;
  changes_looked_at_ = changes;
  for (const auto& watch : watches_) {
    if (due) {
      watch->look();
    }
    figures.repositories.push_back(watch->figures());
  }
  looked_ = due ? now : *looked_;
}

void Figures::publish() {
  const Time now = options_.clock->now();
  watch_clock(now);
  take_configuration();
  auto figures = std::make_shared<ServiceFigures>();
  figures->taken = now;
  figures->started = supervisor_.started();
  figures->version = version;
  figures->state = supervisor_.state() == Supervisor::State::running ? "running" : "draining";
  const Supervisor::Reload& reload = supervisor_.last_reload();
  figures->reload_good = reload.good;
  figures->reload_problem = reload.problem;
  figures->reload_success = reload.success;
  figures->journal_rebuilt = options_.journal_rebuilt;
  if (const auto& trouble = supervisor_.journal_trouble()) {
    figures->journal_failing_since = trouble->since;
    figures->journal_problem = trouble->problem;
  }
  figures->clock_jumped = clock_jumped_;
  figures->clock_jump_seconds = clock_jump_seconds_;
  const auto gone = [&](const auto& each) { return !supervisor_.config().clusters.contains(each.first); };
  std::erase_if(guarded_since_, gone);
  std::erase_if(durable_, gone);
  std::erase_if(moved_, [&](const auto& each) { return supervisor_.queue().execution(each.first) == nullptr; });
  for (const auto& [cluster, configured] : supervisor_.config().clusters) {
    figures->clusters.push_back(cluster_figures(cluster, now));
  }
  add_repositories(*figures, now);
  for (const Source& source : sources_) {
    source(*figures);
  }
  board_.publish(std::move(figures));
}

}  // namespace pgrecall
