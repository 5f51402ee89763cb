#include "engine/drill/drill.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/hash.h"
#include "engine/drill/content_check.h"
#include "engine/drill/drill_checks.h"
#include "engine/drill/drill_plan.h"
#include "engine/drill/page_check.h"
#include "engine/drill/recovery_log.h"
#include "engine/drill/structure_check.h"
#include "engine/scratch_directory.h"
#include "engine/scratch_server.h"
#include "io/fd.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr std::size_t log_read = 1U << 20U;  // bytes of its end
constexpr std::size_t kept_logs = 20;
constexpr std::chrono::minutes query_limit{10};
constexpr unsigned private_directory = 0700;

double seconds_since(Moment begin) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); }

class DrillRun {
 public:
  DrillRun(const Repository& repository, const DrillRequest& request, const Clock& clock, Progress& progress,
           const std::stop_token& stop)
      : repository_(repository),
        request_(request),
        clock_(clock),
        progress_(progress),
        stop_(stop),
        scratch_(request.scratch, "drill of " + request.cluster) {}

  DrillReport execute();

 private:
  void begin(const DrillPlan& plan);
  void carry_out(const DrillPlan& plan);
  void start(const DrillPlan& plan, std::optional<ScratchServer>& server);
  void check_moment(const DrillPlan& plan, const ScratchServer& server);
  void check_content(ScratchServer& server);
  void finish();
  void keep_log();
  [[nodiscard]] Error failed(const Error& error);

  const Repository& repository_;
  const DrillRequest& request_;
  const Clock& clock_;
  Progress& progress_;
  const std::stop_token& stop_;
  ScratchDirectory scratch_;
  DrillChecks checks_;
  DrillReport report_;
  Moment begin_ = std::chrono::steady_clock::now();
};

void DrillRun::begin(const DrillPlan& plan) {
  const BackupSummary& backup = plan.restore.backup.summary;
  DrillRecord& record = report_.record;
  record.started = clock_.now();
  record.id = format_compact_time(record.started) + "-" + random_hex(4);
  record.cluster = request_.cluster;
  record.system_identifier = backup.system_identifier;
  record.server_version = backup.server_version;
  record.aim = plan.aim;
  record.target = describe(plan.restore.recovery->target);
  if (plan.restore.recovery->target.kind == RecoveryTarget::Kind::time) {
    record.target_time = plan.restore.recovery->target.time;
  }
  record.backup = backup.id;
  record.timeline = plan.restore.recovery->timeline;
  record.tool = std::string("pgrecall ") + PGRECALL_VERSION;
  report_.notes = plan.restore.recovery->notes;
  report_.object = drill_name(record.cluster, record.id);
}

void DrillRun::start(const DrillPlan& plan, std::optional<ScratchServer>& server) {
  ScratchServerOptions options;
  options.passphrase = request_.passphrase;
  options.users = request_.users;
  options.libraries = request_.libraries;
  options.settings = {{"timezone", "UTC"}};
  try {
    server.emplace(scratch_, plan.restore, options, progress_, stop_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      throw;
    }
    const Fd log = open_existing(scratch_.server_log(), O_RDONLY);
    Bytes text;
    if (log) {
      const std::uint64_t size = file_size(log, scratch_.server_log());
      text.resize(std::min<std::uint64_t>(size, log_read));
      text.resize(read_at(log, size - text.size(), text, scratch_.server_log()));
    }
    throw explain_failed_recovery(text_of(text), error);
  }
}

// What the server itself says of where it is, against what was asked for.
void DrillRun::check_moment(const DrillPlan& plan, const ScratchServer& server) {
  const RecoveryPlan& recovery = *plan.restore.recovery;
  const ServerMoment& moment = server.moment();
  DrillRecord& record = report_.record;
  record.reached = moment.replayed;
  record.last_commit = moment.last_commit;
  record.wal_bytes = moment.replayed.value - std::min(moment.replayed.value, plan.restore.backup.summary.start_lsn.value);
  const auto stop = find_recovery_stop(server.log(log_read));
  const std::string reached = "LSN " + moment.replayed.to_string() + ", timeline " + std::to_string(moment.timeline) +
                              (moment.last_commit ? ", last commit " + format_exact_time(*moment.last_commit) : "");
  const std::string hint = "the server's log, which was kept, says what it met; run pgrecall verify";
  if (moment.state != ServerMoment::State::paused || !stop) {
    checks_.bad("target", "the target was not reached: the server stands at " + reached + ", and not because it met its target",
                hint);
    return;
  }
  const bool too_late = record.target_time && moment.last_commit && *moment.last_commit > *record.target_time;
  const bool too_early = recovery.target.kind == RecoveryTarget::Kind::lsn && moment.replayed < recovery.target.lsn &&
                         recovery.target.bound == RecoveryTarget::Bound::inclusive;
  const bool cut_off = recovery.last_record && moment.replayed <= *recovery.last_record;
  const bool wrong_stop =
      record.target_time && stop->time && stop->text.starts_with("before") && *stop->time <= *record.target_time;
  if (too_late || too_early || cut_off || wrong_stop) {
    checks_.bad("target", "the target was not reached: asked for was " + record.target + ", and the server stands at " + reached,
                hint);
    return;
  }
  checks_.good("target", record.target + ": stopped " + stop->text + "; " + reached);
  if (record.target_time) {
    record.proven_until = record.target_time;
  } else if (recovery.target.kind == RecoveryTarget::Kind::latest) {
    record.proven_until = std::max(recovery.time_until.value_or(Time{}), moment.last_commit.value_or(Time{}));
  } else {
    record.proven_until = moment.last_commit;
  }
}

void DrillRun::check_content(ScratchServer& server) {
  const Moment from = std::chrono::steady_clock::now();
  progress_.enter("checking catalogs", "check");
  checks_.look_at("catalogs", [&] { check_catalogs(server, checks_, stop_); });
  checks_.look_at("libraries", [&] { check_libraries(server, checks_, stop_); });
  checks_.look_at("canary", [&] {
    if (const auto moment = report_.record.proven_until) {
      check_canary(server, request_.heartbeats, *moment, checks_, stop_);
    } else {
      checks_.not_checked("canary", "which moment the copy is of is not known");
    }
  });
  check_queries(server, request_.queries, query_limit, checks_, stop_);
  // Pages are read as fast as the disk gives them, structures are not: these get the greater part.
  const Moment until = from + request_.budget;
  progress_.enter("checking tables and indexes", "check");
  checks_.look_at("amcheck",
                  [&] { check_structures(server, from + request_.budget * 3 / 4, request_.seed, checks_, progress_, stop_); });
  progress_.enter("checking pages", "check");
  server.shut_down();
  checks_.look_at("page checksums",
                  [&] { check_page_checksums(scratch_.data(), until, request_.seed, checks_, progress_, stop_); });
  report_.record.check_seconds = seconds_since(from);
}

void DrillRun::carry_out(const DrillPlan& plan) {
  const RestoreResult restored = restore(repository_, plan.restore, progress_, stop_);
  report_.record.restored_bytes = restored.bytes;
  report_.record.restore_seconds = std::chrono::duration<double>(restored.duration).count();
  const Moment replay = std::chrono::steady_clock::now();
  std::optional<ScratchServer> server;
  start(plan, server);
  report_.record.replay_seconds = seconds_since(replay);
  check_moment(plan, *server);
  if (std::ranges::any_of(checks_.all(),
                          [](const auto& check) { return check.what == "target" && check.state == DrillRecord::State::bad; })) {
    checks_.not_checked("content", "the copy is not of the moment that was asked for");
    return;
  }
  // While recovery stands still, transactions that it did not end hold their locks: nobody could read what they were about to
  // truncate.
  progress_.enter("ending recovery", "check");
  server->promote();
  check_content(*server);
}

// <scratch>/logs/<cluster>-<id>.log, the newest ones.
void DrillRun::keep_log() {
  if (!fs::exists(scratch_.server_log())) {
    return;
  }
  const std::string directory = request_.scratch + "/logs";
  make_directories(directory, private_directory);
  const std::string kept = directory + "/" + request_.cluster + "-" + report_.record.id + ".log";
  fs::copy_file(scratch_.server_log(), kept);
  report_.kept_log = kept;
  std::vector<std::string> logs;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    logs.push_back(entry.path().string());
  }
  std::ranges::sort(logs, {},
                    [](const std::string& path) { return path.substr(path.size() - std::min<std::size_t>(path.size(), 29)); });
  for (std::size_t i = 0; i + kept_logs < logs.size(); ++i) {
    fs::remove(logs[i]);
  }
}

void DrillRun::finish() {
  DrillRecord& record = report_.record;
  record.finished = clock_.now();
  record.total_seconds = seconds_since(begin_);
  record.checks = checks_.all();
  record.passed = record.error.empty() &&
                  std::ranges::none_of(record.checks, [](const auto& check) { return check.state == DrillRecord::State::bad; });
  if (!record.passed) {
    record.proven_until.reset();
    keep_log();
  }
  put_drill(repository_, record);
}

// Records it, and says where the log is.
Error DrillRun::failed(const Error& error) {
  report_.record.error = error.what();
  report_.record.error_kind = name(error.kind());
  finish();
  if (request_.leave == DrillRequest::Leave::scratch) {
    scratch_.keep();
  }
  Error told = error;
  if (!report_.kept_log.empty()) {
    told.with("log", report_.kept_log);
  }
  return told;
}

DrillReport DrillRun::execute() {
  progress_.enter("planning", "plan");
  const DrillPlan plan = plan_drill(repository_, request_, scratch_, clock_.now(), checks_, stop_);
  begin(plan);
  try {
    carry_out(plan);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      throw;
    }
    throw failed(error);
  }
  finish();
  if (request_.leave == DrillRequest::Leave::scratch) {
    report_.kept_scratch = scratch_.path();
    scratch_.keep();
  } else {
    progress_.enter("removing the scratch copy");
    scratch_.remove();
  }
  return std::move(report_);
}

}  // namespace

DrillReport drill(const Repository& repository, const DrillRequest& request, const Clock& clock, Progress& progress,
                  const std::stop_token& stop) {
  try {
    static_cast<void>(clean_scratch(request.scratch));
    return DrillRun(repository, request, clock, progress, stop).execute();
  } catch (const fs::filesystem_error& error) {
    throw system_error("cannot work in the scratch directory", error.path1().string(), error.code().value());
  }
}

}  // namespace pgrecall
