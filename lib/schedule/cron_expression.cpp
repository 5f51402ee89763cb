#include "schedule/cron_expression.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/wording.h"
#include "schedule/cron_parser.h"

namespace pgrecall {

namespace {
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

unsigned last_day_of(year_month_day day) noexcept {
  return static_cast<unsigned>(year_month_day_last(day.year(), std::chrono::month_day_last(day.month())).day());
}

constexpr bool has(std::uint32_t bits, unsigned value) noexcept { return ((bits >> value) & 1U) != 0; }
}  // namespace

std::variant<CronExpression, CronProblem> CronExpression::parse(std::string_view text) { return CronParser(text).parse(); }

CronExpression CronExpression::parsed(std::string_view text) {
  auto found = parse(text);
  if (auto* problem = std::get_if<CronProblem>(&found)) {
    throw Error(ErrorKind::configuration, fmt::format("{} is not a cron expression: {}", in_quotes(text), problem->text),
                problem->hint)
        .with("column", problem->position + 1);
  }
  return std::get<CronExpression>(std::move(found));
}

bool CronExpression::fits_day_of_month(year_month_day day) const noexcept {
  const auto number = static_cast<unsigned>(day.day());
  return has(days_, number) || (last_day_ == LastDay::yes && number == last_day_of(day));
}

bool CronExpression::fits_weekday(year_month_day day) const noexcept {
  const unsigned weekday = std::chrono::weekday(std::chrono::local_days(day)).c_encoding();
  const auto number = static_cast<unsigned>(day.day());
  return has(weekdays_, weekday) || has(nth_weekdays_[(number - 1) / 7], weekday) ||
         (has(last_weekdays_, weekday) && number + 7 > last_day_of(day));
}

bool CronExpression::fits_day(year_month_day day) const noexcept {
  if (!has(months_, static_cast<unsigned>(day.month()))) {
    return false;
  }
  if (day_field_ == Field::restricted && weekday_field_ == Field::restricted) {
    return fits_day_of_month(day) || fits_weekday(day);
  }
  return fits_day_of_month(day) && fits_weekday(day);
}

}  // namespace pgrecall
