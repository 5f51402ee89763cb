#include <variant>

#include "fuzz/fuzz_input.h"
#include "schedule/next_run.h"

using namespace pgrecall;

namespace {
// Whatever was accepted is due at a time that fits it, and looking back from there finds the same time.
void check_next(const CronExpression& expression) {
  const Time asked = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
  const auto due = next_run(expression, TimeZone(), asked);
  fuzzing::demand(due.has_value() && *due > asked);
  const auto day = std::chrono::floor<std::chrono::days>(*due);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(*due - day));
  fuzzing::demand(expression.fits_day(std::chrono::year_month_day(day)) &&
                  expression.fits_hour(static_cast<unsigned>(time.hours().count())) &&
                  expression.fits_minute(static_cast<unsigned>(time.minutes().count())) && time.seconds().count() == 0);
  fuzzing::demand(previous_run(expression, TimeZone(), *due) == due);
  fuzzing::demand(next_run(expression, TimeZone(), *due - std::chrono::microseconds(1)) == due);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(fuzzing::view_of(data, size));
  const auto found = CronExpression::parse(text);
  if (const auto* problem = std::get_if<CronProblem>(&found)) {
    fuzzing::demand(problem->position <= text.size() && !problem->text.empty() && !problem->hint.empty());
  } else {
    check_next(std::get<CronExpression>(found));
  }
  return 0;
}
