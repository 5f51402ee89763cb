#include "alert/delivery_step.h"

#include "unit/alert/fixture.h"

namespace delivery_step_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace pgrecall::delivery_step;
using namespace std::chrono_literals;
using Ids = std::vector<std::int64_t>;

namespace {
// The clock of these tests begins at 02:30 UTC.
DeliveryRules rules() { return {{}, 24h, ReceiverConfig::Kind::slack}; }

DeliveryRules quiet(const char* hours, QuietHoursConfig::Warnings warnings = QuietHoursConfig::Warnings::wait) {
  DeliveryRules made = rules();
  made.quiet_hours.hours = OffPeak::parse(hours);
  made.quiet_hours.warnings = warnings;
  return made;
}

Outgoing waiting(std::int64_t id, Notification told) {
  Outgoing message;
  message.id = id;
  message.added = told.told;
  message.notification = std::move(told);
  return message;
}

Notification critical(Notification told) {
  told.alert.severity = Severity::critical;
  return told;
}

Ids sent(const DeliveryStep& step) { return std::holds_alternative<Send>(step) ? std::get<Send>(step).ids : Ids{}; }
std::optional<Time> until(const DeliveryStep& step) { return std::get<Wait>(step).until; }
}  // namespace

TEST_CASE("The oldest goes first; without messages there is nothing to wake for") {
  CHECK(sent(next_step({waiting(1, notification()), waiting(2, notification("other"))}, rules(), {}, at_minute(1))) == Ids{1});
  CHECK_FALSE(until(next_step({}, rules(), {}, at_minute(1))));
}

TEST_CASE("What failed waits its time and holds up only what is about the same alert") {
  Outgoing failed = waiting(1, notification());
  failed.first_try = at_minute(0);
  failed.not_before = at_minute(10);
  const Outgoing over = waiting(2, resolved(notification(), 5));
  const Outgoing other = waiting(3, notification("other", 6));
  CHECK(sent(next_step({failed, over, other}, rules(), {}, at_minute(7))) == Ids{3});
  CHECK(until(next_step({failed, over}, rules(), {}, at_minute(7))) == at_minute(10));
  CHECK(sent(next_step({failed, over}, rules(), {}, at_minute(10))) == Ids{1});
}

TEST_CASE("A receiver that asked for a pause gets none of its messages before") {
  CHECK(until(next_step({waiting(1, notification())}, rules(), at_minute(3), at_minute(1))) == at_minute(3));
  CHECK(sent(next_step({waiting(1, notification())}, rules(), at_minute(3), at_minute(3))) == Ids{1});
}

TEST_CASE("A message is given up so long after its first try, and not before one was made") {
  Outgoing old = waiting(1, notification());
  CHECK(sent(next_step({old}, rules(), {}, at_minute(2000))) == Ids{1});
  old.first_try = at_minute(0);
  old.not_before = at_minute(3000);
  CHECK(until(next_step({old}, rules(), {}, at_minute(60))) == at_minute(24 * 60));
  const DeliveryStep step = next_step({old}, rules(), {}, at_minute(24 * 60));
  REQUIRE(std::holds_alternative<GiveUp>(step));
  CHECK(std::get<GiveUp>(step).messages.at(0).id == 1);
}

TEST_CASE("In quiet hours warnings wait for their end, and what is critical does not") {
  const DeliveryRules rule = quiet("22:00-07:00");
  CHECK(until(next_step({waiting(1, notification())}, rule, {}, at_minute(0))) == at_minute(270));
  CHECK(sent(next_step({waiting(1, notification()), waiting(2, critical(notification("other")))}, rule, {}, at_minute(0))) ==
        Ids{2});
  CHECK(sent(next_step({waiting(1, notification())}, rule, {}, at_minute(270))) == Ids{1});
  CHECK(sent(next_step({waiting(1, resolved(critical(notification()), 1))}, rule, {}, at_minute(1))) == Ids{1});
}

TEST_CASE("Quiet hours are those of their time zone") {
  DeliveryRules rule = quiet("22:00-03:00");
  CHECK(std::holds_alternative<Wait>(next_step({waiting(1, notification())}, rule, {}, at_minute(0))));
  rule.quiet_hours.timezone = "Europe/Berlin";  // 03:30 there
  CHECK(sent(next_step({waiting(1, notification())}, rule, {}, at_minute(0))) == Ids{1});
}

TEST_CASE("After quiet hours, people get one message for all that waited, and programs each") {
  DeliveryRules rule = quiet("22:00-07:00", QuietHoursConfig::Warnings::summary);
  const std::vector<Outgoing> held{waiting(1, notification("a", 0)), waiting(2, notification("b", 1)),
                                   waiting(3, resolved(notification("a"), 9))};
  const DeliveryStep step = next_step(held, rule, {}, at_minute(270));
  CHECK(sent(step) == Ids{1, 2, 3});
  const std::string text = std::get<Send>(step).notification.alert.summary;
  CHECK(text.find("3 messages waited") != std::string::npos);
  CHECK(text.find("- a: PgrecallRunFailed (daily): The daily backup of a failed") != std::string::npos);
  CHECK(text.find("- a: PgrecallRunFailed (daily) is over") != std::string::npos);
  rule.kind = ReceiverConfig::Kind::pagerduty;
  CHECK(sent(next_step(held, rule, {}, at_minute(270))) == Ids{1});
  rule.kind = ReceiverConfig::Kind::slack;
  CHECK(sent(next_step({held[0]}, rule, {}, at_minute(270))) == Ids{1});
  CHECK(std::get<Send>(next_step({held[0]}, rule, {}, at_minute(270))).notification.alert.name == "PgrecallRunFailed");
}

TEST_CASE("Pauses double up to five minutes, and are spread") {
  CHECK(backoff(1, 0.999) < 1001ms);
  CHECK(backoff(1, 0.0) == 500ms);
  CHECK(backoff(4, 0.0) == 4s);
  CHECK(backoff(100, 0.0) == 150s);
  CHECK(backoff(100, 1.0) == 5min);
}

}  // namespace delivery_step_test
