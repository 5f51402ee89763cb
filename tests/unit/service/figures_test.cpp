#include "service/figures.h"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "schedule/planner.h"
#include "service/space_trend.h"
#include "unit/service/scratch.h"

namespace figures_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
const Time noon = parse_time("2026-11-23T12:00:00Z").value();

Run run_of(const std::string& job, RunState state, Time created) {
  Run run;
  run.cluster = "a";
  run.job = job;
  run.created = created;
  run.started = created;
  run.ended = created + 90s;
  run.state = state;
  return run;
}

// A daemon that was not started: nothing guards its cluster.
struct Idle {
  Idle() { figures.publish(); }
  [[nodiscard]] static Config config(const Scratch& scratch) {
    const ConfigCheck check =
        check_config_text("repositories: { main: { path: " + (scratch / "repository") + " } }\n" + "clusters:\n" +
                              "  a: { connection: \"host=x\", repository: main, retention: { window: 3d } }\n",
                          "/etc/x.yaml");
    REQUIRE(check.errors.empty());
    return check.config;
  }
  [[nodiscard]] ClusterFigures published() {
    figures.publish();
    return board.read()->clusters.at(0);
  }
  [[nodiscard]] JobFigures job(const std::string& name) {
    for (const JobFigures& each : published().jobs) {
      if (each.job == name) {
        return each;
      }
    }
    FAIL("no job " + name);
    return {};
  }

  Scratch scratch;
  ManualClock clock{noon};
  std::unique_ptr<Journal> journal = Journal::open(scratch / "state", noon).journal;
  ServiceLog log{LogConfig{.format = LogConfig::Format::text, .level = LogConfig::Level::error}};
  boost::asio::io_context desk;
  FiguresBoard board;
  AlertBoard alert_board;
  Alerts alerts{scratch / "state",
                {},
                {.figures = board, .board = alert_board, .log = log, .clock = clock},
                [](const AlertsConfig&, const Notification&) {}};
  Supervisor supervisor{
      desk,     config(scratch), {.config_file = {}, .clock = &clock, .engine_clock = &clock, .clock_speed = 1, .on_reload = {}},
      *journal, alerts,          log,
      [] {}};
  Figures figures{supervisor, board, {.clock = &clock}};
};

GuardStatus guarded() {
  GuardStatus guard;
  guard.state = GuardState::active;
  guard.window.computed = noon;
  guard.window.from = noon - 48h;
  guard.window.until = noon - 60s;
  guard.receiver = WalReceiverStatus{};
  guard.receiver->state = WalReceiverState::streaming;
  guard.receiver->durable_time = noon - 2s;
  return guard;
}

ClusterFigures figures_of(const GuardStatus& guard) {
  ClusterFigures figures;
  figures.targets.window_seconds = 24 * 3600;
  add_guard(figures, guard, noon);
  return figures;
}

std::vector<SpaceSample> hourly(const std::function<std::uint64_t(int)>& used, int hours) {
  std::vector<SpaceSample> samples;
  for (int hour = 0; hour <= hours; ++hour) {
    samples.push_back({noon + std::chrono::hours(hour), used(hour)});
  }
  return samples;
}
}  // namespace

TEST_CASE_METHOD(Idle, "every job of the schedule has figures, and what is promised is as configured") {
  const ClusterFigures cluster = published();
  CHECK(cluster.cluster == "a");
  CHECK(cluster.state == "stopped");
  CHECK_FALSE(cluster.ours);
  CHECK(cluster.targets.window_seconds == 3 * 86400);
  CHECK(cluster.guarded_since == noon);
  CHECK(cluster.jobs.size() == 7);
  CHECK(board.read()->reload_good);
}

TEST_CASE_METHOD(Idle, "runs are counted, and the newest tells how a job stands") {
  Run done = run_of("daily", RunState::done, noon - 3h);
  done.result = R"({"stages": [{"stage": "copying", "seconds": 2.5}, {"stage": "committing", "seconds": 0.5}]})";
  journal->add(done);
  Run failed = run_of("daily", RunState::failed, noon - 1h);
  failed.error_kind = "store_unreachable";
  failed.error_message = "disk full";
  journal->add(failed);
  journal->add(run_of("daily", RunState::cancelled, noon - 30min));
  const JobFigures daily = job("daily");
  CHECK(daily.runs.at("done") == 1);
  CHECK(daily.runs.at("failed") == 1);
  CHECK(daily.failures.at("store_unreachable") == 1);
  CHECK(daily.last_success == noon - 3h + 90s);
  CHECK(daily.last_completion == noon - 1h + 90s);
  CHECK(daily.last_duration_seconds == 90);
  CHECK(daily.last_stage_seconds.at("copying") == 2.5);
  CHECK(daily.last_error_message == "disk full");
  // What comes later is counted, too.
  journal->add(run_of("daily", RunState::done, noon));
  CHECK(job("daily").runs.at("done") == 2);
}

TEST_CASE_METHOD(Idle, "the first backup is remembered when retention has taken it away") {
  CHECK_FALSE(published().first_backup_started);
  journal->set_note("first backup of a", "2026-11-01T02:30:00Z");
  CHECK(published().first_backup_started == parse_time("2026-11-01T02:30:00Z"));
  journal->set_note("first backup of a", "nonsense");
  CHECK(published().first_backup_started == parse_time("2026-11-01T02:30:00Z"));
}

TEST_CASE_METHOD(Idle, "only what nothing stands for was missed") {
  const auto skip = [&](SkipReason reason, Time due) {
    Run run = run_of("weekly", RunState::skipped, due);
    run.due = due;
    run.reason = text(reason);
    journal->add(run);
  };
  skip(SkipReason::too_late, noon - 3h);
  skip(SkipReason::superseded, noon - 2h);
  skip(SkipReason::already_started, noon - 1h);
  const JobFigures weekly = job("weekly");
  CHECK(weekly.missed == 1);
  CHECK(weekly.last_missed == noon - 3h);
  CHECK(weekly.runs.at("skipped") == 3);
}

TEST_CASE_METHOD(Idle, "damage is what the newest verification of all found") {
  const auto verified = [&](const char* options, const char* findings, Time when) {
    Run run = run_of("verify", RunState::failed, when);
    run.options = options;
    run.result = R"({"document": {"verify": {"findings": [)" + std::string(findings) + "]}}}";
    journal->add(run);
  };
  const char* damage = R"({"severity": "damage", "kind": "bad chunk", "object": "packs/1"}, {"severity": "notice"})";
  verified("{}", damage, noon - 3h);
  CHECK(published().damaged_objects == 1);
  CHECK(published().damage == "bad chunk packs/1");
  // One backup that is whole says nothing of the others.
  verified(R"({"id": "20261123T023000Z-full"})", "", noon - 2h);
  CHECK(published().damaged_objects == 1);
  verified("{}", "", noon - 1h);
  CHECK(published().damaged_objects == 0);
}

TEST_CASE_METHOD(Idle, "a clock that was set is told from one that goes on") {
  clock.advance(std::chrono::hours(5));
  figures.publish();
  CHECK_FALSE(board.read()->clock_jumped);
  clock.jump_to(clock.now() - 1h);
  figures.publish();
  CHECK(board.read()->clock_jumped == clock.now());
  CHECK(board.read()->clock_jump_seconds == -3600);
}

TEST_CASE_METHOD(Idle, "others add what they know") {
  figures.add_source([](ServiceFigures& all) { all.alerts_open["critical"] = 2; });
  figures.publish();
  CHECK(board.read()->alerts_open.at("critical") == 2);
}

TEST_CASE("what the spool holds counts only where it follows on the repository without a gap") {
  GuardStatus guard = guarded();
  CHECK(figures_of(guard).recoverable_until == noon - 60s);
  guard.window.followed = true;
  CHECK(figures_of(guard).recoverable_until == noon - 2s);
  guard.receiver.reset();
  CHECK(figures_of(guard).recoverable_until == noon - 60s);
}

TEST_CASE("a gap breaks the window as long as it lies within what is promised") {
  GuardStatus guard = guarded();
  guard.window.gap_ends = {noon - 30h};
  CHECK_FALSE(figures_of(guard).window_broken);
  guard.window.gap_ends = {noon - 30h, noon - 20h};
  CHECK(figures_of(guard).window_broken);
  CHECK(figures_of(guard).wal.gaps == 1);
  CHECK(figures_of(guard).wal.gap_repaired);
  guard.window.gap_ends = {noon - 30h};
  guard.window.awaited_gap_ends = {noon - 30h};
  CHECK_FALSE(figures_of(guard).window_awaited);
  guard.window.awaited_gap_ends = {noon - 20h};
  CHECK(figures_of(guard).window_awaited);
  CHECK_FALSE(figures_of(guard).window_broken);
  CHECK(figures_of(guard).wal.gaps == 0);
  guard.window.gap_ends = {Time::max()};
  CHECK(figures_of(guard).window_broken);
  CHECK_FALSE(figures_of(guard).wal.gap_repaired);
}

TEST_CASE("the trend of a repository that fills evenly is its growth") {
  const auto samples = hourly([](int hour) { return 1000U + 36U * static_cast<std::uint64_t>(hour); }, 48);
  CHECK(space_trend(samples).value() == Approx(36.0 / 3600));
  CHECK(full_at(noon, 36, space_trend(samples)) == noon + 1h);
}

TEST_CASE("a first backup is no trend, nor is less than a day") {
  CHECK(space_trend(hourly([](int hour) { return hour < 2 ? 0U : 1'000'000U; }, 30)).value() == Approx(0));
  CHECK_FALSE(space_trend(hourly([](int hour) { return static_cast<std::uint64_t>(hour); }, 23)));
  CHECK_FALSE(full_at(noon, 1000, 0.0));
  CHECK_FALSE(full_at(noon, 1000, -5.0));
  CHECK_FALSE(full_at(noon, std::uint64_t{1} << 60U, 1e-6));
}

}  // namespace figures_test
