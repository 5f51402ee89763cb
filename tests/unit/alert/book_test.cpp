#include "alert/book.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <stdexcept>

#include "base/error.h"
#include "journal/database.h"
#include "journal/journal.h"
#include "unit/alert/healthy.h"

namespace book_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
struct Scratch {
  Scratch()
      : path(std::filesystem::temp_directory_path() / ("book-" + std::to_string(::getpid()) + "-" + std::to_string(++count))) {
    Journal::open(path.string(), noon);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static inline int count = 0;
  std::filesystem::path path;
};

Judged judged_of(const std::string& name, const std::string& cluster = "shop", std::chrono::microseconds hold = 0s,
                 std::chrono::microseconds settle = 0s) {
  Judged judged;
  judged.alert.name = name;
  judged.alert.cluster = cluster;
  judged.alert.summary = "summary of " + name;
  judged.alert.action = "action";
  judged.alert.runbook = "runbook";
  judged.alert.run = "run";
  judged.hold = hold;
  judged.settle = settle;
  return judged;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

// A book, its clock, and what it told: "firing PgrecallRunFailed".
class Desk {
 public:
  Desk() { reopen(); }

  void reopen() {
    book_.reset();
    book_ = std::make_unique<AlertBook>(scratch_.path.string(), [this](const Notification& notification) {
      if (broken) {
        throw Error(ErrorKind::failed, "no space left on device");
      }
      std::string text =
          notification.state == Notification::State::firing ? (notification.repeated ? "repeated " : "firing ") : "resolved ";
      told.push_back(text + notification.alert.name);
      last = notification;
    });
  }
  // With what is wrong now, `after` the last time.
  void round(std::chrono::microseconds after, std::vector<Judged> judged) {
    clock.advance(after);
    Judgement judgement;
    judgement.conditions = std::move(judged);
    book_->update(judgement, {.repeat_interval = 4h, .settle = 5min, .host = "backup1"}, clock.now());
  }
  [[nodiscard]] std::vector<std::string> states() const {
    std::vector<std::string> found;
    for (const AlertEntry& entry : book_->open(clock.now())) {
      found.push_back(std::string(name(entry.state)) + " " + entry.alert.name);
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> take() { return std::exchange(told, {}); }
  [[nodiscard]] AlertBook& book() { return *book_; }
  [[nodiscard]] std::string path() const { return scratch_.path.string(); }

  ManualClock clock{noon};
  std::vector<std::string> told;
  std::optional<Notification> last;
  bool broken = false;

 private:
  Scratch scratch_;
  std::unique_ptr<AlertBook> book_;
};

const char* const failed = condition::run_failed;
const char* const stalled = condition::wal_stalled;
}  // namespace

TEST_CASE("an alert is told once, again after four hours, and once that it is over", "[alert]") {
  Desk desk;
  desk.round(0s, {judged_of(failed)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK(desk.last->fingerprint == fingerprint(judged_of(failed).alert));
  CHECK(desk.last->since == noon);
  CHECK(desk.last->told == noon);
  CHECK(desk.last->host == "backup1");
  CHECK(desk.last->alert.action == "action");
  desk.round(3s, {judged_of(failed)});
  desk.round(4h - 4s, {judged_of(failed)});
  CHECK(desk.take() == Names{});
  desk.round(1s, {judged_of(failed)});
  CHECK(desk.take() == Names{"repeated PgrecallRunFailed"});
  CHECK(desk.last->told == noon + 4h);
  desk.round(4h, {judged_of(failed)});
  CHECK(desk.take() == Names{"repeated PgrecallRunFailed"});
  desk.round(3s, {});
  CHECK(desk.take() == Names{"resolved PgrecallRunFailed"});
  CHECK(desk.last->resolved == noon + 8h + 3s);
  CHECK(desk.last->since == noon);
  desk.round(3s, {});
  CHECK(desk.take() == Names{});
  CHECK(desk.states() == Names{});
  const auto past = desk.book().past(10);
  REQUIRE(past.size() == 1);
  CHECK(past[0].state == AlertState::resolved);
  CHECK(past[0].times_told == 3);
  CHECK(past[0].alert.run == "run");
}

TEST_CASE("what often passes by itself is told only when it lasts", "[alert]") {
  Desk desk;
  const Judged held = judged_of(stalled, "shop", 5min, 1min);
  desk.round(0s, {held});
  CHECK(desk.states() == Names{"pending PgrecallWalStalled"});
  desk.round(4min, {held});
  desk.round(10s, {});  // it passed
  CHECK(desk.states() == Names{});
  desk.round(0s, {held});
  desk.round(5min - 1s, {held});
  CHECK(desk.take() == Names{});
  desk.round(1s, {held});
  CHECK(desk.take() == Names{"firing PgrecallWalStalled"});
  CHECK(desk.last->since == noon + 4min + 10s);
  CHECK(desk.book().past(10).empty());
}

TEST_CASE("an alert that comes and goes is told once, and over when it stays away", "[alert]") {
  Desk desk;
  const Judged flapping = judged_of(stalled, "shop", 0s, 1min);
  desk.round(0s, {flapping});
  for (int i = 0; i < 20; ++i) {
    desk.round(30s, {});
    CHECK(desk.states() == Names{"settling PgrecallWalStalled"});
    desk.round(29s, {flapping});
    CHECK(desk.states() == Names{"firing PgrecallWalStalled"});
  }
  CHECK(desk.take() == Names{"firing PgrecallWalStalled"});
  desk.round(1s, {});
  const Time gone = desk.clock.now();
  desk.round(59s, {});
  CHECK(desk.take() == Names{});
  desk.round(1s, {});
  CHECK(desk.take() == Names{"resolved PgrecallWalStalled"});
  CHECK(desk.last->resolved == gone);
}

TEST_CASE("what was over at once and comes back is damped from then on", "[alert]") {
  Desk desk;
  desk.round(0s, {judged_of(failed)});
  desk.round(10s, {});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed", "resolved PgrecallRunFailed"});
  desk.round(10s, {judged_of(failed)});
  desk.round(10s, {});
  desk.round(10s, {judged_of(failed)});
  desk.round(10s, {});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  desk.round(5min, {});
  CHECK(desk.take() == Names{"resolved PgrecallRunFailed"});
  desk.round(5min, {judged_of(failed)});
  desk.round(10s, {});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed", "resolved PgrecallRunFailed"});
}

TEST_CASE("a daemon that died and came back tells nothing twice and forgets nothing", "[alert]") {
  Desk desk;
  desk.round(0s, {judged_of(failed), judged_of(stalled, "shop", 1min)});
  desk.reopen();
  CHECK(desk.states() == Names{"firing PgrecallRunFailed"});
  desk.round(2min, {judged_of(failed), judged_of(stalled, "shop", 1min)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK(desk.states() == Names{"firing PgrecallRunFailed", "pending PgrecallWalStalled"});  // whose time began anew
  desk.round(1min, {judged_of(failed), judged_of(stalled, "shop", 1min, 5min)});
  desk.round(1s, {});  // settling, and over
  CHECK(desk.take() == Names{"firing PgrecallWalStalled", "resolved PgrecallRunFailed"});
  desk.reopen();
  CHECK(desk.states() == Names{"settling PgrecallWalStalled"});
  desk.round(5min, {});
  CHECK(desk.take() == Names{"resolved PgrecallWalStalled"});
  desk.reopen();
  desk.round(1h, {});
  CHECK(desk.take() == Names{});
  CHECK(desk.book().past(10).size() == 2);
}

TEST_CASE("what could not be handed over is handed over later, with the time of the decision", "[alert]") {
  Desk desk;
  desk.broken = true;
  CHECK_THROWS_AS(desk.round(0s, {judged_of(failed)}), Error);
  CHECK_THROWS_AS(desk.round(10s, {}), Error);  // not over before it was told
  CHECK(desk.states() == Names{"firing PgrecallRunFailed"});
  desk.reopen();  // killed in between
  desk.broken = false;
  desk.round(10s, {});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK(desk.last->told == noon);
  desk.broken = true;
  CHECK_THROWS_AS(desk.round(10s, {}), Error);
  desk.broken = false;
  desk.reopen();
  CHECK(desk.states() == Names{});
  desk.round(10s, {judged_of(failed)});  // it is back before its end was told
  CHECK(desk.take() == Names{"resolved PgrecallRunFailed"});
  CHECK(desk.last->told == noon + 30s);
  desk.round(10s, {judged_of(failed)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
}

TEST_CASE("where nothing can be written all is told from memory, once, and written later", "[alert]") {
  Desk desk;
  Database full(desk.path() + "/state.db");
  for (const char* table : {"alerts", "past_alerts", "happenings", "tried"}) {
    const std::string name = table;
    full.execute(
        ("CREATE TRIGGER full_" + name + " BEFORE INSERT ON " + name + " BEGIN SELECT RAISE(ABORT, 'full'); END").c_str());
  }
  CHECK_THROWS_AS(desk.round(0s, {judged_of(failed)}), Error);
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK_THROWS_AS(desk.round(10s, {judged_of(failed)}), Error);
  CHECK(desk.take() == Names{});
  CHECK_THROWS_AS(desk.book().happen(judged_of(condition::journal_rebuilt, "").alert, noon + 1h), Error);
  CHECK_THROWS_AS(desk.round(10s, {}), Error);
  CHECK(sorted(desk.take()) == Names{"firing PgrecallJournalRebuilt", "resolved PgrecallRunFailed"});
  CHECK(desk.states() == Names{"firing PgrecallJournalRebuilt"});
  CHECK_THROWS_AS(desk.round(10s, {judged_of(failed)}), Error);  // it is back
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK_THROWS_AS(desk.book().try_writing(noon), Error);
  for (const char* table : {"alerts", "past_alerts", "happenings", "tried"}) {
    full.execute(("DROP TRIGGER full_" + std::string(table)).c_str());
  }
  desk.book().try_writing(noon);
  desk.round(10s, {judged_of(failed)});
  desk.reopen();
  desk.round(10s, {judged_of(failed)});
  CHECK(desk.take() == Names{});
  CHECK(desk.states() == Names{"firing PgrecallJournalRebuilt", "firing PgrecallRunFailed"});
  CHECK(desk.book().past(10).size() == 1);
}

TEST_CASE("what follows from something that was told is not told beside it", "[alert]") {
  Desk desk;
  const std::string rpo = condition::rpo_exceeded;
  desk.round(0s, {judged_of(rpo), judged_of(stalled), judged_of(rpo, "other")});
  CHECK(sorted(desk.take()) == Names{"firing PgrecallRpoExceeded", "firing PgrecallWalStalled"});  // the former of `other`
  CHECK(desk.states().size() == 3);
  desk.round(4h, {judged_of(rpo), judged_of(stalled)});
  CHECK(sorted(desk.take()) == Names{"repeated PgrecallWalStalled", "resolved PgrecallRpoExceeded"});
  desk.round(1s, {judged_of(rpo)});  // it stays, though what explained it is over
  CHECK(sorted(desk.take()) == Names{"firing PgrecallRpoExceeded", "resolved PgrecallWalStalled"});
  desk.round(1s, {});
  CHECK(desk.take() == Names{"resolved PgrecallRpoExceeded"});
}

TEST_CASE("one that cannot be handed over keeps no other from being told", "[alert]") {
  const Scratch scratch;
  std::vector<std::string> told;
  AlertBook book(scratch.path.string(), [&](const Notification& notification) {
    if (notification.alert.cluster == "a") {
      throw std::runtime_error("no");
    }
    told.push_back(notification.alert.cluster);
  });
  Judgement judgement;
  for (const char* cluster : {"a", "b", "c", "d"}) {
    judgement.conditions.push_back(judged_of(failed, cluster));
  }
  CHECK_THROWS_AS(book.update(judgement, {}, noon), std::runtime_error);
  std::sort(told.begin(), told.end());
  CHECK(told == Names{"b", "c", "d"});
}

TEST_CASE("silenced alerts are listed and not told; afterwards they are", "[alert]") {
  Desk desk;
  desk.round(0s, {judged_of(stalled)});
  CHECK(desk.take().size() == 1);
  desk.book().silence({.id = 0,
                       .cluster = "shop",
                       .alert = {},
                       .why = "maintenance",
                       .who = "uid 0",
                       .created = desk.clock.now(),
                       .until = desk.clock.now() + 2h});
  desk.round(1min, {judged_of(stalled), judged_of(failed), judged_of(failed, "other")});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK(desk.last->alert.cluster == "other");
  const auto open = desk.book().open(desk.clock.now());
  REQUIRE(open.size() == 3);
  CHECK(open[0].silence->why == "maintenance");
  CHECK(std::ranges::count_if(open, [](const AlertEntry& entry) { return entry.silence.has_value(); }) == 2);
  desk.reopen();
  desk.round(1min, {judged_of(failed), judged_of(failed, "other")});
  CHECK(desk.take() == Names{"resolved PgrecallWalStalled"});  // somebody was told, and hears the end
  desk.round(2h, {judged_of(failed), judged_of(failed, "other")});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
  CHECK(desk.last->alert.cluster == "shop");
  CHECK(desk.last->since == noon + 1min);
  CHECK(desk.book().silences(desk.clock.now()).empty());
}

TEST_CASE("what came and went during a silence was never told, nor is its end", "[alert]") {
  Desk desk;
  desk.book().silence(
      {.id = 0, .cluster = "shop", .alert = {}, .why = "maintenance", .who = "uid 0", .created = noon, .until = noon + 2h});
  desk.round(0s, {judged_of(failed)});
  desk.round(1min, {});
  CHECK(desk.take() == Names{});
  CHECK(desk.book().past(10).size() == 1);
}

TEST_CASE("a silence can be ended, and is of one cluster", "[alert]") {
  Desk desk;
  desk.book().silence(
      {.id = 0, .cluster = "shop", .alert = {}, .why = "maintenance", .who = "uid 0", .created = noon, .until = noon + 2h});
  desk.book().silence(
      {.id = 0, .cluster = "shop", .alert = {}, .why = "longer", .who = "uid 0", .created = noon, .until = noon + 3h});
  desk.book().silence(
      {.id = 0, .cluster = "", .alert = {}, .why = "of nothing", .who = "uid 0", .created = noon, .until = noon + 3h});
  desk.round(0s, {judged_of(failed), judged_of(condition::clock_jump, "")});
  CHECK(desk.take() == Names{"firing PgrecallClockJump"});
  for (const AlertEntry& entry : desk.book().open(noon)) {
    CHECK((entry.alert.cluster.empty() || entry.silence->why == "longer"));
  }
  CHECK(desk.book().end_silences("shop", "", noon) == 2);
  CHECK(desk.book().end_silences("shop", "", noon) == 0);
  desk.reopen();
  desk.round(1s, {judged_of(failed)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed", "resolved PgrecallClockJump"});
}

TEST_CASE("a silence of one alert keeps no other from being told", "[alert]") {
  Desk desk;
  desk.book().silence(
      {.id = 0, .cluster = "shop", .alert = failed, .why = "known", .who = "uid 0", .created = noon, .until = noon + 2h});
  desk.reopen();
  desk.round(0s, {judged_of(failed), judged_of(stalled)});
  CHECK(desk.take() == Names{"firing PgrecallWalStalled"});
  CHECK(desk.book().end_silences("shop", stalled, noon) == 0);
  CHECK(desk.book().end_silences("shop", failed, noon) == 1);
  desk.round(1s, {judged_of(failed), judged_of(stalled)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed"});
}

TEST_CASE("silences of earlier versions are of all alerts", "[alert]") {
  const Scratch scratch;
  {
    Database database(scratch.path.string() + "/state.db");
    database.execute(
        "CREATE TABLE silences (id INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, why TEXT NOT NULL, who TEXT NOT "
        "NULL, "
        "created INTEGER NOT NULL, until INTEGER NOT NULL)");
    Statement(database, "INSERT INTO silences (cluster, why, who, created, until) VALUES ('shop', 'old', 'uid 0', ?, ?)")
        .bind(std::optional(noon))
        .bind(std::optional(noon + 2h))
        .run();
  }
  const AlertBook book(scratch.path.string(), [](const Notification&) {});
  REQUIRE(book.silences(noon).size() == 1);
  CHECK(book.silences(noon)[0].alert.empty());
  CHECK(book.silences(noon)[0].why == "old");
}

TEST_CASE("a warning that becomes critical is told at once", "[alert]") {
  Desk desk;
  Judged judged = judged_of(condition::cluster_unguarded);
  desk.round(0s, {judged});
  judged.alert.severity = Severity::critical;
  desk.round(1min, {judged});
  CHECK(desk.take() == Names{"firing PgrecallClusterUnguarded", "repeated PgrecallClusterUnguarded"});
  CHECK(desk.last->alert.severity == Severity::critical);
  judged.alert.severity = Severity::warning;
  desk.round(1min, {judged});
  desk.round(3h, {judged});
  CHECK(desk.take() == Names{});
}

TEST_CASE("what is not known is neither over nor forgotten", "[alert]") {
  Desk desk;
  Judged low = judged_of(condition::repository_space_low, "");
  low.alert.subject = "main";
  desk.round(0s, {judged_of(failed), low});
  CHECK(desk.take().size() == 2);
  Judgement unknown;
  unknown.unknown_clusters = {"shop"};
  unknown.unknown_repositories = {"main"};
  desk.reopen();
  desk.book().update(unknown, {}, desk.clock.now());
  CHECK(desk.take() == Names{});
  CHECK(desk.states().size() == 2);
  desk.round(1s, {});
  CHECK(desk.take().size() == 2);
}

TEST_CASE("what happened once is an alert for a while, also after a restart", "[alert]") {
  Desk desk;
  desk.book().happen(judged_of(condition::journal_rebuilt, "").alert, noon + 1h);
  desk.round(0s, {});
  CHECK(desk.take() == Names{"firing PgrecallJournalRebuilt"});
  desk.reopen();
  desk.round(1h - 1s, {});
  CHECK(desk.states() == Names{"firing PgrecallJournalRebuilt"});
  desk.round(1s, {});
  CHECK(desk.take() == Names{"resolved PgrecallJournalRebuilt"});
  CHECK(desk.states() == Names{});
}

TEST_CASE("a clock that was set back holds nothing up", "[alert]") {
  Desk desk;
  const Judged held = judged_of(stalled, "shop", 1min, 1min);
  desk.round(0s, {held, judged_of(failed)});
  desk.clock.jump_to(noon - 24h);
  desk.round(0s, {held, judged_of(failed)});
  desk.round(1min, {held, judged_of(failed)});
  CHECK(desk.take() == Names{"firing PgrecallRunFailed", "firing PgrecallWalStalled"});
  desk.round(4h, {held, judged_of(failed)});
  CHECK(desk.take().size() == 2);
  desk.round(0s, {});
  desk.clock.jump_to(noon - 48h);
  desk.round(0s, {});
  desk.round(1min, {});
  CHECK(desk.states() == Names{});
}

TEST_CASE("what is long over is forgotten", "[alert]") {
  Desk desk;
  desk.round(0s, {judged_of(failed)});
  desk.round(1s, {});
  desk.book().silence({.id = 0, .cluster = "shop", .alert = {}, .why = "x", .who = "uid 0", .created = noon, .until = noon + 1s});
  desk.book().forget(noon);
  CHECK(desk.book().past(10).size() == 1);
  desk.book().forget(noon + 1h);
  CHECK(desk.book().past(10).empty());
}

}  // namespace book_test
