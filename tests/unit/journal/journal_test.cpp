#include "journal/journal.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "journal/database.h"

namespace journal_test {

using namespace pgrecall;
namespace fs = std::filesystem;

namespace {
struct Scratch {
  Scratch() : path(fs::temp_directory_path() / ("journal-" + std::to_string(::getpid()) + "-" + std::to_string(++count))) {}
  ~Scratch() { fs::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static inline int count = 0;
  fs::path path;
};

Time at(const char* text) { return parse_time(text).value(); }
const Time noon = at("2026-11-23T12:00:00Z");

Run run_of(const std::string& cluster, const std::string& job, Time created) {
  Run run;
  run.cluster = cluster;
  run.job = job;
  run.created = created;
  return run;
}

std::unique_ptr<Journal> open(const Scratch& scratch) { return Journal::open(scratch.path.string(), noon).journal; }
}  // namespace

TEST_CASE("a run comes back from the file as it was") {
  const Scratch scratch;
  Run run = run_of("prod", "daily", noon);
  run.trigger = RunTrigger::retry;
  run.due = noon - std::chrono::hours(1);
  run.not_before = noon + std::chrono::minutes(10);
  run.attempt = 3;
  run.options = R"({"full":true})";
  {
    const auto journal = open(scratch);
    run.id = journal->add(run);
    run.state = RunState::failed;
    run.started = noon + std::chrono::microseconds(1);
    run.ended = noon + std::chrono::seconds(5);
    run.exit_code = 14;
    run.error_kind = "database_unreachable";
    run.error_message = "it's \"down\"; DROP TABLE runs";
    run.error_hint = "start it";
    run.reason = "because";
    run.result = "{}";
    journal->update(run);
  }
  const auto journal = open(scratch);
  const Run found = journal->find(run.id).value();
  CHECK(found.cluster == "prod");
  CHECK(found.job == "daily");
  CHECK(found.trigger == RunTrigger::retry);
  CHECK(found.due == run.due);
  CHECK(found.created == run.created);
  CHECK(found.not_before == run.not_before);
  CHECK(found.started == run.started);
  CHECK(found.ended == run.ended);
  CHECK(found.state == RunState::failed);
  CHECK(found.reason == "because");
  CHECK(found.attempt == 3);
  CHECK(found.exit_code == 14);
  CHECK(found.error_kind == run.error_kind);
  CHECK(found.error_message == run.error_message);
  CHECK(found.error_hint == run.error_hint);
  CHECK(found.options == run.options);
  CHECK(found.result == "{}");
  CHECK_FALSE(journal->find("20000101T000000Z-prod-daily"));
}

TEST_CASE("ids tell time, cluster and job, and are never given twice") {
  const Scratch scratch;
  const auto journal = open(scratch);
  CHECK(journal->add(run_of("prod", "daily", noon)) == "20261123T120000Z-prod-daily");
  CHECK(journal->add(run_of("prod", "daily", noon)) == "20261123T120000Z-prod-daily-2");
  CHECK(journal->add(run_of("prod", "daily", noon)) == "20261123T120000Z-prod-daily-3");
  CHECK(journal->add(run_of("prod", "check", noon)) == "20261123T120000Z-prod-check");
}

TEST_CASE("every state, trigger and level has one name") {
  for (const RunState state : {RunState::queued, RunState::running, RunState::done, RunState::warnings, RunState::failed,
                               RunState::cancelled, RunState::interrupted, RunState::skipped}) {
    CHECK(parse_run_state(name(state)) == state);
    CHECK(is_over(state) == (name(state) != "queued" && name(state) != "running"));
  }
  for (const RunTrigger trigger : {RunTrigger::schedule, RunTrigger::catch_up, RunTrigger::manual, RunTrigger::retry,
                                   RunTrigger::first, RunTrigger::repair}) {
    CHECK(parse_run_trigger(name(trigger)) == trigger);
  }
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    CHECK(parse_log_level(name(level)) == level);
  }
  CHECK_FALSE(parse_run_state("dnoe"));
}

TEST_CASE("runs are listed newest first, by cluster and state, page by page") {
  const Scratch scratch;
  const auto journal = open(scratch);
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    Run run = run_of(i % 2 == 0 ? "a" : "b", "daily", noon + std::chrono::seconds(i));
    run.state = i < 3 ? RunState::done : RunState::queued;
    ids.push_back(journal->add(run));
  }
  const auto listed = [&](const RunFilter& filter) {
    std::vector<std::string> found;
    for (const Run& run : journal->list(filter)) {
      found.push_back(run.id);
    }
    return found;
  };
  CHECK(listed({.cluster = {}, .states = {}, .before = {}, .limit = 2}) == std::vector{ids[5], ids[4]});
  CHECK(listed({.cluster = {}, .states = {}, .before = ids[4], .limit = 2}) == std::vector{ids[3], ids[2]});
  CHECK(listed({.cluster = "b", .states = {}, .before = {}, .limit = 10}) == std::vector{ids[5], ids[3], ids[1]});
  CHECK(listed({.cluster = {}, .states = {RunState::queued, RunState::running}, .before = {}, .limit = 10}) ==
        std::vector{ids[5], ids[4], ids[3]});
}

TEST_CASE("what ran when the process ended is interrupted; nothing else is") {
  const Scratch scratch;
  std::string running;
  std::string queued;
  {
    const auto journal = open(scratch);
    Run run = run_of("prod", "daily", noon);
    run.state = RunState::running;
    running = journal->add(run);
    queued = journal->add(run_of("prod", "check", noon));
  }
  const auto journal = open(scratch);
  const auto marked = journal->mark_interrupted(noon + std::chrono::hours(1));
  REQUIRE(marked.size() == 1);
  CHECK(marked[0].id == running);
  CHECK(marked[0].state == RunState::interrupted);
  CHECK(journal->find(running)->ended == noon + std::chrono::hours(1));
  CHECK(journal->find(queued)->state == RunState::queued);
  CHECK(journal->mark_interrupted(noon).empty());
}

TEST_CASE("how far a schedule was dealt with stands with the run that it made") {
  const Scratch scratch;
  const auto journal = open(scratch);
  CHECK_FALSE(journal->handled("prod", "daily"));
  Run run = run_of("prod", "daily", noon);
  run.due = noon - std::chrono::minutes(5);
  const std::string id = journal->add_due(run, noon - std::chrono::minutes(1));
  CHECK(journal->handled("prod", "daily") == noon - std::chrono::minutes(1));
  CHECK(journal->find(id)->due == run.due);
  // A mark that a wrong clock had set is given up.
  journal->set_handled("prod", "daily", noon - std::chrono::hours(2));
  CHECK(journal->handled("prod", "daily") == noon - std::chrono::hours(2));
  CHECK_FALSE(journal->handled("prod", "weekly"));
}

TEST_CASE("what was started behind a mark is known, what was skipped does not count") {
  const Scratch scratch;
  const auto journal = open(scratch);
  for (int hour = 0; hour < 4; ++hour) {
    Run run = run_of("prod", "daily", noon);
    run.due = noon + std::chrono::hours(hour);
    run.state = hour == 2 ? RunState::skipped : RunState::done;
    journal->add(run);
    run.attempt = 2;
    journal->add(run);
  }
  CHECK(journal->started_after("prod", "daily", noon) ==
        std::vector<Time>{noon + std::chrono::hours(1), noon + std::chrono::hours(3)});
  CHECK(journal->started_after("prod", "check", noon).empty());
}

TEST_CASE("the log of a run is read on from where one was, and is bounded") {
  const Scratch scratch;
  const auto journal = open(scratch);
  journal->add_log("a", noon, LogLevel::info, "one");
  journal->add_log("b", noon, LogLevel::info, "other");
  journal->add_log("a", noon, LogLevel::error, "two");
  const auto lines = journal->log_of("a", 0, 10);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].text == "two");
  CHECK(lines[1].level == LogLevel::error);
  CHECK(journal->log_of("a", lines[0].number, 10).size() == 1);
  CHECK(journal->log_of("a", lines[1].number, 10).empty());
  for (int i = 0; i < 2100; ++i) {
    journal->add_log("c", noon, LogLevel::info, "again");
  }
  CHECK(journal->log_of("c", 0, 5000).size() == 2000);
}

TEST_CASE("old runs are forgotten with their logs, those under way are not") {
  const Scratch scratch;
  const auto journal = open(scratch);
  Run old = run_of("prod", "daily", noon - std::chrono::hours(48));
  old.state = RunState::done;
  const std::string gone = journal->add(old);
  old.state = RunState::queued;
  const std::string waiting = journal->add(old);
  Run young = run_of("prod", "daily", noon);
  young.state = RunState::done;
  const std::string kept = journal->add(young);
  journal->add_log(gone, noon, LogLevel::info, "x");
  journal->add_log(kept, noon, LogLevel::info, "x");
  journal->forget(noon - std::chrono::hours(24));
  CHECK_FALSE(journal->find(gone));
  CHECK(journal->log_of(gone, 0, 10).empty());
  CHECK(journal->find(waiting));
  CHECK(journal->find(kept));
  CHECK(journal->log_of(kept, 0, 10).size() == 1);
}

TEST_CASE("a damaged file is set aside, whatever is wrong with it") {
  const Scratch scratch;
  const std::string file = (scratch.path / "state.db").string();
  CHECK(Journal::open(scratch.path.string(), noon).found == Journal::Found::absent);
  {
    const auto journal = open(scratch);
    for (int i = 0; i < 500; ++i) {
      Run run = run_of("prod", "daily", noon);
      run.options = std::string(300, 'x');
      journal->add(run);
    }
  }
  CHECK(Journal::open(scratch.path.string(), noon).found == Journal::Found::present);
  SECTION("text instead of a database") { std::ofstream(file, std::ios::trunc) << std::string(8192, 'z'); }
  SECTION("a page of zeros in the middle") {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(5 * 4096);
    damaged << std::string(4096, '\0');
  }
  SECTION("cut short") { fs::resize_file(file, fs::file_size(file) / 2); }
  const auto opened = Journal::open(scratch.path.string(), noon);
  CHECK(opened.found == Journal::Found::damaged);
  CHECK_FALSE(opened.problem.empty());
  CHECK(fs::exists(opened.set_aside));
  CHECK(opened.journal->list({}).empty());
  opened.journal->add(run_of("prod", "daily", noon));
  CHECK(opened.journal->list({}).size() == 1);
}

TEST_CASE("a file of a later version is left alone") {
  const Scratch scratch;
  open(scratch)->set_note("a", "b");
  {
    // user_version is at offset 60 of the header, big-endian (SQLite's file format, "The Database Header").
    std::fstream file(scratch.path / "state.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\0\0\0\x63", 4);
  }
  CHECK_THROWS_WITH(open(scratch), Catch::Contains("later version"));
  CHECK(fs::exists(scratch.path / "state.db"));
}

TEST_CASE("many threads share one journal") {
  const Scratch scratch;
  const auto journal = open(scratch);
  std::vector<std::jthread> threads;
  std::mutex mutex;
  std::set<std::string> ids;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        Run run = run_of("prod", "daily", noon);
        run.id = journal->add(run);
        run.state = RunState::done;
        journal->update(run);
        journal->add_log(run.id, noon, LogLevel::info, "x");
        const std::lock_guard lock(mutex);
        ids.insert(run.id);
      }
    });
  }
  threads.clear();
  CHECK(ids.size() == 200);
  CHECK(journal->list({.cluster = {}, .states = {RunState::done}, .before = {}, .limit = 1000}).size() == 200);
}

TEST_CASE("notes are kept by name") {
  const Scratch scratch;
  open(scratch)->set_note("rebuilt prod", "yes");
  CHECK(open(scratch)->note("rebuilt prod") == "yes");
  CHECK(open(scratch)->note("rebuilt other").empty());
}

namespace {
Run ended(const std::string& job, RunState state, Time created, const std::string& error_kind = {}) {
  Run run = run_of("prod", job, created);
  run.state = state;
  run.ended = created;
  run.error_kind = error_kind;
  return run;
}

std::uint64_t tally(const Journal& journal, const std::string& job, RunState state, const std::string& error_kind = {}) {
  std::uint64_t count = 0;
  for (const RunTally& each : journal.tallies("prod")) {
    count += each.job == job && each.state == state && each.error_kind == error_kind ? each.count : 0;
  }
  return count;
}
}  // namespace

TEST_CASE("runs that are over are counted by how they ended, and forgetting them takes nothing from the counts") {
  const Scratch scratch;
  const auto journal = open(scratch);
  for (int day = 0; day < 3; ++day) {
    journal->add(ended("daily", RunState::done, noon - std::chrono::hours(24 * day)));
    journal->add(ended("daily", RunState::failed, noon - std::chrono::hours(24 * day + 1), "held"));
  }
  Run skipped = ended("daily", RunState::skipped, noon - std::chrono::hours(50));
  skipped.reason = "too late";
  journal->add(skipped);
  Run queued = run_of("prod", "daily", noon);
  journal->add(queued);
  journal->add(run_of("other", "daily", noon));
  const auto check = [&] {
    CHECK(tally(*journal, "daily", RunState::done) == 3);
    CHECK(tally(*journal, "daily", RunState::failed, "held") == 3);
    CHECK(tally(*journal, "daily", RunState::skipped) == 1);
    CHECK(tally(*journal, "daily", RunState::queued) == 0);
    CHECK(journal->tallies("prod").size() == 3);
  };
  check();
  journal->forget(noon - std::chrono::hours(30));
  CHECK(journal->list({.cluster = "prod", .states = {}, .before = {}, .limit = 100}).size() == 5);
  check();
  journal->forget(noon - std::chrono::hours(2));
  check();
}

TEST_CASE("the newest runs of a job in some states") {
  const Scratch scratch;
  const auto journal = open(scratch);
  journal->add(ended("daily", RunState::done, noon - std::chrono::hours(3)));
  journal->add(ended("daily", RunState::done, noon - std::chrono::hours(2)));
  journal->add(ended("daily", RunState::failed, noon - std::chrono::hours(1)));
  journal->add(ended("check", RunState::done, noon));
  const auto found = journal->newest_runs("prod", "daily", {RunState::done, RunState::warnings}, 1);
  REQUIRE(found.size() == 1);
  CHECK(found.front().created == noon - std::chrono::hours(2));
  CHECK(journal->newest_runs("prod", "daily", {RunState::done, RunState::failed}, 9).size() == 3);
}

TEST_CASE("a change of a cluster's runs is seen, and no other cluster's") {
  const Scratch scratch;
  const auto journal = open(scratch);
  Run run = run_of("prod", "daily", noon);
  run.state = RunState::running;
  const std::uint64_t before = journal->changes_of("prod");
  run.id = journal->add(run);
  const std::uint64_t added = journal->changes_of("prod");
  CHECK(added != before);
  static_cast<void>(journal->mark_interrupted(noon));
  const std::uint64_t marked = journal->changes_of("prod");
  CHECK(marked != added);
  journal->update(run);
  CHECK(journal->changes_of("prod") != marked);
  CHECK(journal->changes_of("other") == before);
}

TEST_CASE("samples of a repository's space are kept for as long as they are asked for") {
  const Scratch scratch;
  const Time old = noon - std::chrono::hours(200);
  open(scratch)->add_sample("main", {old, 1}, old);
  open(scratch)->add_sample("main", {noon - std::chrono::hours(1), 2}, old);
  open(scratch)->add_sample("other", {noon, 3}, old);
  CHECK(open(scratch)->samples("main").size() == 2);
  open(scratch)->add_sample("main", {noon, std::uint64_t{1} << 50U}, noon - std::chrono::hours(100));
  const auto samples = open(scratch)->samples("main");
  REQUIRE(samples.size() == 2);
  CHECK(samples.front().used_bytes == 2);
  CHECK(samples.back().used_bytes == std::uint64_t{1} << 50U);
  CHECK(samples.back().time == noon);
  open(scratch)->add_sample("main", {noon - std::chrono::hours(2), 7}, noon - std::chrono::hours(100));
  CHECK(open(scratch)->samples("main").size() == 1);
}

namespace {
// A disk that is full, as far as this process can see.
class FullDisk {
 public:
  FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    set(0);
  }
  ~FullDisk() {
    set(before_.rlim_cur);
    static_cast<void>(std::signal(SIGXFSZ, handler_));
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void set(rlim_t bytes) const {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    static_cast<void>(::setrlimit(RLIMIT_FSIZE, &limit));
  }
  sighandler_t handler_;
  rlimit before_{};
};
}  // namespace

TEST_CASE("while the disk is full everything goes on in memory, and then to the file") {
  const Scratch scratch;
  std::string before;
  std::string during;
  Run run = run_of("prod", "daily", noon);
  {
    const auto journal = open(scratch);
    run.state = RunState::running;
    run.id = before = journal->add(run);
    journal->add_log(before, noon, LogLevel::info, "started");
    {
      const FullDisk full;
      run.state = RunState::done;
      journal->update(run);
      CHECK_THAT(journal->problem(), Catch::Contains("state.db"));
      CHECK(journal->find(before).value().state == RunState::done);
      CHECK(journal->list({.cluster = {}, .states = {RunState::running}, .before = {}, .limit = 10}).empty());
      during = journal->add_due(run_of("prod", "daily", noon), noon);
      CHECK(during == before + "-2");
      CHECK(journal->handled("prod", "daily") == noon);
      journal->add_log(before, noon, LogLevel::info, "done");
      CHECK(journal->log_of(before, 0, 10).size() == 2);
      journal->set_note("a", "b");
      journal->add_sample("main", {noon, 1}, noon);
      CHECK_FALSE(journal->return_to_file());
      CHECK_FALSE(journal->problem().empty());
    }
    CHECK(journal->return_to_file());
    CHECK(journal->problem().empty());
    CHECK_FALSE(journal->return_to_file());
    journal->set_note("c", "d");
  }
  const auto journal = open(scratch);
  CHECK(journal->find(before).value().state == RunState::done);
  CHECK(journal->find(during));
  CHECK(journal->handled("prod", "daily") == noon);
  CHECK(journal->log_of(before, 0, 10).at(1).text == "done");
  CHECK(journal->note("a") == "b");
  CHECK(journal->note("c") == "d");
  CHECK(journal->samples("main").size() == 1);
}

TEST_CASE("a journal that cannot be opened for now is begun in memory, and takes nothing from the file") {
  const Scratch scratch;
  std::string old;
  {
    const auto journal = open(scratch);
    old = journal->add(run_of("prod", "daily", noon));
    journal->add_log(old, noon, LogLevel::info, "old");
  }
  std::unique_ptr<Journal> journal;
  std::string added;
  {
    const FullDisk full;
    journal = open(scratch);
    CHECK_FALSE(journal->problem().empty());
    added = journal->add(run_of("prod", "daily", noon + std::chrono::hours(1)));
    journal->add_log(added, noon, LogLevel::info, "new");
    journal->forget(noon + std::chrono::hours(2));
    CHECK(journal->find(added));
  }
  CHECK(journal->return_to_file());
  CHECK(journal->log_of(old, 0, 10).at(0).text == "old");
  CHECK(journal->log_of(added, 0, 10).at(0).text == "new");
}

TEST_CASE("rows of others in the journal's file stay as they are") {
  const Scratch scratch;
  const auto journal = open(scratch);
  Database other((scratch.path / "state.db").string());
  other.execute("CREATE TABLE others (a TEXT); INSERT INTO others VALUES ('x')");
  {
    const FullDisk full;
    journal->set_note("a", "b");
  }
  other.execute("INSERT INTO others VALUES ('y')");
  CHECK(journal->return_to_file());
  Statement count(other, "SELECT count(*) FROM others");
  REQUIRE(count.step());
  CHECK(count.number() == 2);
}

}  // namespace journal_test
