#pragma once

#include <optional>

#include "base/clock.h"
#include "schedule/cron_expression.h"
#include "schedule/time_zone.h"

// When an expression is due in a time zone. The rules where clocks change, which are those of careful crons:
//
// 1. An expression is due at each moment at which the wall clock of the zone first shows a minute that fits it.
// 2. Times that the clock skips are due once, at the first moment after the gap, however many of them the gap holds. So a job at
//    2:30 runs at 3:00 on the morning on which 2:00 is followed by 3:00, and one at 0:00 is not lost where midnight is skipped.
// 3. Times that the clock shows twice are due the first time only.
// 4. An expression whose hours are all 24 (*/15 * * * *, 0 * * * *) goes on by elapsed time instead: every minute that the clock
//    shows counts, also the second time, and nothing is made up for minutes that it does not show. So no hour without a run comes
//    about, and no hour with twice as many.
//
// Due times are whole minutes of the zone's wall clock. They depend on the expression and the zone alone, never on when anybody
// asks. Times later than the year 9000 are never due.

namespace pgrecall {

// The first due time after `after`, which itself does not count. Nothing behind the year 9000.
[[nodiscard]] std::optional<Time> next_run(const CronExpression& expression, const TimeZone& zone, Time after);
// The last due time at or before `at`; nothing within the 50 years before it, in which every expression is due at least once.
[[nodiscard]] std::optional<Time> previous_run(const CronExpression& expression, const TimeZone& zone, Time at);

}  // namespace pgrecall
