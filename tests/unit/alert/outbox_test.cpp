#include "alert/outbox.h"

#include "alert/notification_json.h"
#include "base/error.h"
#include "journal/database.h"
#include "journal/journal.h"
#include "unit/alert/fixture.h"

namespace outbox_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
std::vector<std::string> states(const Outbox& outbox, const std::string& receiver) {
  std::vector<std::string> all;
  for (const Outgoing& message : outbox.waiting(receiver)) {
    all.push_back(std::string(name(message.notification.state)) + (message.notification.repeated ? " again" : ""));
  }
  return all;
}
using Texts = std::vector<std::string>;
}  // namespace

TEST_CASE("A notification is stored as it is") {
  Notification told = resolved(notification(), 7);
  told.alert.severity = Severity::critical;
  told.repeated = true;
  const Notification read = notification_of(to_stored(told));
  CHECK(read.state == told.state);
  CHECK(read.alert.name == told.alert.name);
  CHECK(read.alert.severity == told.alert.severity);
  CHECK(read.alert.cluster == told.alert.cluster);
  CHECK(read.alert.subject == told.alert.subject);
  CHECK(read.alert.summary == told.alert.summary);
  CHECK(read.alert.action == told.alert.action);
  CHECK(read.alert.runbook == told.alert.runbook);
  CHECK(read.alert.run == told.alert.run);
  CHECK(read.fingerprint == told.fingerprint);
  CHECK(read.since == told.since);
  CHECK(read.told == told.told);
  CHECK(read.resolved == told.resolved);
  CHECK(read.repeated);
  CHECK(read.host == told.host);
}

TEST_CASE("A text that is no UTF-8 is told all the same, and one that is no JSON is damage") {
  Notification told = notification();
  told.alert.summary =
      "a\xff"
      "b";
  CHECK(notification_of(to_stored(told)).alert.summary ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK_THROWS_AS(notification_of("{"), Error);
}

TEST_CASE("What was added waits for each receiver, also after a new start, until it was sent") {
  const Directory directory;
  {
    Outbox outbox(directory.path());
    outbox.add(notification(), {"a", "b"});
    CHECK(outbox.receivers() == Texts{"a", "b"});
  }
  Outbox outbox(directory.path());
  const auto waiting = outbox.waiting("a");
  REQUIRE(waiting.size() == 1);
  CHECK(waiting[0].receiver == "a");
  CHECK(waiting[0].notification.alert.summary == notification().alert.summary);
  CHECK_FALSE(waiting[0].first_try);
  outbox.mark_sent(waiting[0].id, at_minute(1));
  CHECK(outbox.waiting("a").empty());
  CHECK(outbox.count_waiting("b") == 1);
  CHECK(outbox.receivers() == Texts{"b"});
}

TEST_CASE("What cannot be written is kept in memory, and written once that can be done") {
  const Directory directory;
  Outbox outbox(directory.path());
  Database full(directory.path() + "/state.db");
  full.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  outbox.add(notification(), {"a", "b"});
  outbox.add(resolved(notification(), 5), {"a"});
  CHECK(states(outbox, "a") == Texts{"firing", "resolved"});
  CHECK(states(outbox, "b") == Texts{"firing"});
  CHECK_THROWS_AS(outbox.write_kept(), Error);
  outbox.mark_tried(outbox.waiting("b")[0].id, at_minute(1), at_minute(2), "no answer");
  CHECK(outbox.waiting("b")[0].tries == 1);
  const std::int64_t on_its_way = outbox.waiting("b")[0].id;
  outbox.mark_sent(outbox.waiting("a")[0].id, at_minute(6));
  CHECK(states(outbox, "a") == Texts{"resolved"});

  full.execute("DROP TRIGGER full");
  outbox.write_kept();
  CHECK(states(outbox, "a") == Texts{"resolved"});
  CHECK(states(outbox, "b") == Texts{"firing"});
  outbox.mark_sent(on_its_way, at_minute(7));
  CHECK(states(outbox, "b") == Texts{});
  const Outbox after(directory.path());
  CHECK(states(after, "a") == Texts{"resolved"});
  CHECK(states(after, "b") == Texts{});
}

TEST_CASE("The same is not added twice, not even after it was sent") {
  const Directory directory;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"a"});
  outbox.add(notification(), {"a"});
  REQUIRE(outbox.count_waiting("a") == 1);
  outbox.mark_sent(outbox.waiting("a")[0].id, at_minute(1));
  outbox.add(notification(), {"a"});
  CHECK(outbox.count_waiting("a") == 0);
  outbox.add(notification("other"), {"a"});
  outbox.add(resolved(notification(), 0), {"a"});
  CHECK(outbox.count_waiting("a") == 2);
}

TEST_CASE("Repetitions do not pile up for a receiver that is away") {
  const Directory directory;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"a"});
  outbox.add(repeated(notification(), 240), {"a"});
  CHECK(states(outbox, "a") == Texts{"firing"});
  outbox.mark_sent(outbox.waiting("a")[0].id, at_minute(241));
  outbox.add(repeated(notification(), 480), {"a"});
  outbox.add(repeated(notification("other"), 481), {"a"});
  outbox.add(repeated(notification(), 720), {"a"});
  CHECK(states(outbox, "a") == Texts{"firing again", "firing again"});
  CHECK(outbox.waiting("a")[1].notification.told == at_minute(720));
  outbox.add(resolved(notification(), 730), {"a"});
  CHECK(states(outbox, "a") == Texts{"firing again", "resolved"});
}

TEST_CASE("That it began is told before that it is over") {
  const Directory directory;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"a"});
  outbox.add(resolved(notification(), 5), {"a"});
  CHECK(states(outbox, "a") == Texts{"firing", "resolved"});
}

TEST_CASE("Tries are counted, and forgotten when the receiver is back") {
  const Directory directory;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"a"});
  const auto id = outbox.waiting("a")[0].id;
  outbox.mark_tried(id, at_minute(1), at_minute(2), "refused");
  outbox.mark_tried(id, at_minute(3), at_minute(6), "timeout");
  Outgoing message = outbox.waiting("a")[0];
  CHECK(message.tries == 2);
  CHECK(message.first_try == at_minute(1));
  CHECK(message.not_before == at_minute(6));
  CHECK(message.problem == "timeout");
  outbox.retry_soon("a");
  CHECK_FALSE(outbox.waiting("a")[0].not_before);
  outbox.mark_dropped(id, at_minute(7), "given up");
  CHECK(outbox.waiting("a").empty());
}

TEST_CASE("What is over is forgotten, what waits is not") {
  const Directory directory;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"a", "b"});
  outbox.mark_sent(outbox.waiting("a")[0].id, at_minute(1));
  outbox.forget(at_minute(2));
  CHECK(outbox.count_waiting("b") == 1);
  outbox.add(notification(), {"a"});
  CHECK(outbox.count_waiting("a") == 1);
}

TEST_CASE("The outbox lives beside the journal in one file, and tells who waits for it") {
  const Directory directory;
  const auto opened = Journal::open(directory.path(), at_minute(0));
  Outbox outbox(directory.path());
  int added = 0;
  outbox.on_added([&] { ++added; });
  outbox.add(notification(), {"a"});
  opened.journal->set_note("a", "b");
  CHECK(added == 1);
  CHECK(outbox.count_waiting("a") == 1);
  CHECK(opened.journal->note("a") == "b");
}

}  // namespace outbox_test
