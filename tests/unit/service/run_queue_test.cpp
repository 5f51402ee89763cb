#include "service/run_queue.h"

#include <catch2/catch.hpp>

#include "io/bounded_queue.h"
#include "unit/service/scratch.h"

namespace run_queue_test {

// Runs here fail at once: there is no repository where the configuration says. What the queue makes of that is what counts.

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
const Time noon = parse_time("2026-11-23T12:00:00Z").value();

class Owner final : public RunQueueOwner {
 public:
  [[nodiscard]] bool is_ours(const std::string& cluster) const override { return cluster != not_ours; }
  void post(std::function<void()> call) override { static_cast<void>(calls.push(std::move(call))); }
  void on_run_over(const Run& run) override { over.push_back(run); }
  void on_given_up(const Run& run) override { given_up.push_back(run.id); }
  void on_run_started(const Run& run) override { heard.push_back("start " + run.job); }
  void on_run_ended(const Run& run, Retry retry) override {
    heard.push_back("end " + run.job + (retry == Retry::planned ? ", again" : ""));
  }
  // Waits for what a run's thread tells, and does it.
  void take_call() { (*calls.pop())(); }

  std::string not_ours;
  BoundedQueue<std::function<void()>> calls{100};
  std::vector<Run> over;
  std::vector<std::string> given_up;
  std::vector<std::string> heard;  // that runs started and ended
};

struct Fixture {
  Fixture()
      : journal(Journal::open(scratch / "state", noon).journal),
        queue({.journal = *journal, .pool = pool, .log = log, .clock = clock, .engine_clock = clock, .owner = owner}) {
    queue.configure(config());
  }
  [[nodiscard]] Config config() const {
    const ConfigCheck check =
        check_config_text("repositories: { main: { path: " + (scratch / "nowhere") + ", parallel_runs: 1 } }\n" + "clusters:\n" +
                              "  a: { connection: \"host=x\", repository: main, schedule: { retries: 1 } }\n" +
                              "  b: { connection: \"host=x\", repository: main }\n",
                          "/etc/x.yaml");
    REQUIRE(check.errors.empty());
    return check.config;
  }
  Run wish(const std::string& cluster, RunTrigger trigger) const {
    Run run;
    run.cluster = cluster;
    run.job = "daily";
    run.trigger = trigger;
    return run;
  }
  [[nodiscard]] Run found(const std::string& id) const { return journal->find(id).value(); }

  Scratch scratch;
  ManualClock clock{noon};
  std::unique_ptr<Journal> journal;
  RepositoryPool pool;
  ServiceLog log{LogConfig{.format = LogConfig::Format::text, .level = LogConfig::Level::error}};
  Owner owner;
  RunQueue queue;
};
}  // namespace

TEST_CASE_METHOD(Fixture, "a run goes from the wish to its end, in the journal all the time") {
  const std::string id = queue.submit(wish("a", RunTrigger::manual));
  CHECK(found(id).state == RunState::queued);
  queue.dispatch();
  CHECK(found(id).state == RunState::running);
  CHECK(queue.anything_runs());
  CHECK(queue.activity("a", "daily") == ClusterActivity::same_job);
  CHECK(queue.activity("a", "check") == ClusterActivity::other_run);
  CHECK(queue.activity("b", "daily") == ClusterActivity::idle);
  CHECK_FALSE(queue.has_room("main"));
  owner.take_call();
  CHECK_FALSE(queue.anything_runs());
  CHECK(found(id).state == RunState::failed);
  CHECK(found(id).error_kind == "no_repository");
  CHECK(found(id).exit_code == exit_code(ErrorKind::no_repository));
  CHECK(found(id).error_message == owner.over.at(0).error_message);
  CHECK(owner.over.size() == 1);
  CHECK(queue.waiting().empty());  // whoever asked sees it
}

TEST_CASE_METHOD(Fixture, "runs wait for each other, and say so") {
  const std::string first = queue.submit(wish("a", RunTrigger::manual));
  const std::string second = queue.submit(wish("b", RunTrigger::manual));
  queue.dispatch();
  CHECK(found(second).state == RunState::queued);
  CHECK_THAT(found(second).reason, Catch::Contains("repository main"));
  owner.take_call();
  queue.dispatch();
  CHECK(found(second).state == RunState::running);
  owner.take_call();
}

TEST_CASE("what may pass is tried again as configured, and told of at last") {
  Fixture fixture;
  Run run = fixture.wish("a", RunTrigger::schedule);
  run.due = noon;
  fixture.queue.start_due(run, noon);
  fixture.owner.take_call();
  REQUIRE(fixture.owner.over.size() == 1);
  const Run first = fixture.owner.over[0];
  INFO(first.error_kind << ": " << first.error_message);
  REQUIRE(fixture.queue.waiting().size() == 1);
  const Run again = fixture.queue.waiting()[0];
  CHECK(again.attempt == 2);
  CHECK(again.trigger == RunTrigger::retry);
  CHECK(fixture.owner.heard == std::vector<std::string>{"start " + again.job, "end " + again.job + ", again"});
  CHECK(again.due == noon);
  CHECK(again.not_before == noon + 10min);
  CHECK(fixture.queue.dispatch() == again.not_before);
  CHECK_FALSE(fixture.queue.anything_runs());
  fixture.clock.advance(10min);
  fixture.queue.dispatch();
  fixture.owner.take_call();
  CHECK(fixture.queue.waiting().empty());
  CHECK(fixture.owner.given_up.empty());  // it failed: the journal says so
}

TEST_CASE("who asks for a run sees it fail, and nothing tries again behind his back") {
  Fixture fixture;
  fixture.queue.submit(fixture.wish("a", RunTrigger::manual));
  fixture.queue.dispatch();
  fixture.owner.take_call();
  CHECK(fixture.queue.waiting().empty());
}

TEST_CASE_METHOD(Fixture, "a start finds what was interrupted and what waits") {
  Run run = wish("a", RunTrigger::manual);
  run.created = noon;
  run.state = RunState::running;
  const std::string interrupted = journal->add(run);
  run.attempt = 2;  // of two, as retries is 1
  const std::string given_up = journal->add(run);
  run.attempt = 1;
  run.state = RunState::queued;
  run.cluster = "b";
  const std::string queued = journal->add(run);
  run.cluster = "gone";
  const std::string gone = journal->add(run);
  queue.recover();
  CHECK(found(interrupted).state == RunState::interrupted);
  CHECK(found(given_up).state == RunState::interrupted);
  CHECK(found(gone).state == RunState::cancelled);
  REQUIRE(queue.waiting().size() == 2);
  const Run& again = queue.waiting()[0].id == queued ? queue.waiting()[1] : queue.waiting()[0];
  CHECK(again.trigger == RunTrigger::retry);
  CHECK(again.attempt == 2);
  CHECK_FALSE(again.not_before);  // at once
  CHECK(owner.given_up == std::vector{given_up});
}

TEST_CASE_METHOD(Fixture, "what waits is cancelled at once, what is over is not, what is unknown is neither") {
  const std::string id = queue.submit(wish("a", RunTrigger::manual));
  CHECK(queue.cancel(id, "by me") == RunQueue::Cancelled::requested);
  CHECK(found(id).state == RunState::cancelled);
  CHECK(found(id).reason == "by me");
  CHECK(queue.cancel(id, "by me") == RunQueue::Cancelled::over);
  CHECK(queue.cancel("nosuch", "by me") == RunQueue::Cancelled::unknown);
  CHECK(queue.waiting().empty());
}

TEST_CASE_METHOD(Fixture, "nothing starts while draining, nor for a cluster that is not ours") {
  owner.not_ours = "a";
  queue.submit(wish("a", RunTrigger::manual));
  queue.dispatch();
  CHECK_FALSE(queue.anything_runs());
  owner.not_ours.clear();
  queue.drain();
  queue.dispatch();
  CHECK_FALSE(queue.anything_runs());
}

TEST_CASE_METHOD(Fixture, "a retry that waits for its time keeps no other job of the cluster back") {
  Run retry = wish("a", RunTrigger::retry);
  retry.not_before = noon + 10min;
  queue.submit(retry);
  CHECK(queue.activity("a", "check") == ClusterActivity::idle);
  CHECK(queue.activity("a", "daily") == ClusterActivity::same_job);
  clock.advance(10min);
  CHECK(queue.activity("a", "check") == ClusterActivity::other_run);
}

TEST_CASE_METHOD(Fixture, "every line of a run is kept with it") {
  const std::string id = queue.submit(wish("a", RunTrigger::manual));
  queue.dispatch();
  owner.take_call();
  std::string all;
  for (const RunLogLine& line : journal->log_of(id, 0, 100)) {
    all += line.text + "\n";
  }
  CHECK_THAT(all, Catch::Contains("asked for") && Catch::Contains("started") && Catch::Contains("failed"));
}

}  // namespace run_queue_test
