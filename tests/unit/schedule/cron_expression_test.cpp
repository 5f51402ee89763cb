#include "schedule/cron_expression.h"

#include <catch2/catch.hpp>

#include "base/error.h"

namespace cron_expression_test {

using namespace pgrecall;

namespace {
std::string days_of(const std::string& text, int year, unsigned month) {
  const CronExpression expression = CronExpression::parsed(text);
  std::string days;
  for (unsigned day = 1; day <= 31; ++day) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (date.ok() && expression.fits_day(date)) {
      days += (days.empty() ? "" : " ") + std::to_string(day);
    }
  }
  return days;
}
std::string times_of(const std::string& text) {
  const CronExpression expression = CronExpression::parsed(text);
  std::string hours;
  for (unsigned hour = 0; hour < 24; ++hour) {
    hours += expression.fits_hour(hour) ? " " + std::to_string(hour) : "";
  }
  std::string minutes;
  for (unsigned minute = 0; minute < 60; ++minute) {
    minutes += expression.fits_minute(minute) ? " " + std::to_string(minute) : "";
  }
  return hours + " :" + minutes;
}
CronProblem problem_of(const std::string& text) {
  const auto found = CronExpression::parse(text);
  INFO(text);
  REQUIRE(std::holds_alternative<CronProblem>(found));
  return std::get<CronProblem>(found);
}
constexpr auto every_day_of_november = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30";
}  // namespace

TEST_CASE("minutes and hours: values, ranges, steps and lists", "[cron]") {
  CHECK(times_of("30 2 * * *") == " 2 : 30");
  CHECK(times_of("*/20 0 * * *") == " 0 : 0 20 40");
  CHECK(times_of("10-50/20,5 22-23 * * *") == " 22 23 : 5 10 30 50");
  CHECK(times_of("59 */6 * * *") == " 0 6 12 18 : 59");
  CHECK(times_of("00 02,23 * * *") == " 2 23 : 0");
  CHECK(times_of("\t0   1-1 * * * ") == " 1 : 0");
}

TEST_CASE("days: month, weekday, and both", "[cron]") {
  // November 2026 begins on a Sunday.
  struct Row {
    const char* expression;
    const char* days;
  };
  for (const Row& row :
       {Row{"* * * * *", every_day_of_november}, Row{"0 0 13 * *", "13"}, Row{"0 0 31 * *", ""}, Row{"0 0 L * *", "30"},
        Row{"0 0 L,1 * *", "1 30"}, Row{"0 0 1-31/10 * *", "1 11 21"}, Row{"0 0 * * 0", "1 8 15 22 29"},
        Row{"0 0 * * 7", "1 8 15 22 29"}, Row{"0 0 * * SUN", "1 8 15 22 29"}, Row{"0 0 * * mon-fri/4", "2 6 9 13 16 20 23 27 30"},
        Row{"0 0 * * FRI-SUN", "1 6 7 8 13 14 15 20 21 22 27 28 29"}, Row{"0 0 * * 5-7", "1 6 7 8 13 14 15 20 21 22 27 28 29"},
        Row{"0 0 * * 5L", "27"}, Row{"0 0 * * monl", "30"}, Row{"0 0 * * 7L", "29"}, Row{"0 0 * * MON#1", "2"},
        Row{"0 0 * * 1#5", "30"}, Row{"0 0 * * TUE#5", ""}, Row{"0 0 * * SUN#1,FRI#4", "1 27"}, Row{"0 0 * * 0#1", "1"},
        Row{"0 0 * * */3", "1 4 7 8 11 14 15 18 21 22 25 28 29"},
        // Both restricted: either will do. A field with a * is open: both must fit.
        Row{"0 0 13 * FRI", "6 13 20 27"}, Row{"0 0 L * MON#1", "2 30"}, Row{"0 0 */2 * MON", "9 23"}, Row{"0 0 13 * */7", ""},
        Row{"0 0 * * *", every_day_of_november},
        // Months.
        Row{"0 0 * 10,12 *", ""}, Row{"0 0 5 NOV *", "5"}, Row{"0 0 5 oct-dec *", "5"}, Row{"0 0 5 */2 *", "5"},
        Row{"0 0 5 2-12/2 *", ""}}) {
    INFO(row.expression);
    CHECK(days_of(row.expression, 2026, 11) == row.days);
  }
  CHECK(days_of("0 0 L 2 *", 2026, 2) == "28");
  CHECK(days_of("0 0 L 2 *", 2028, 2) == "29");
  CHECK(days_of("0 0 L 2 *", 2100, 2) == "28");
  CHECK(days_of("0 0 29 2 *", 2028, 2) == "29");
  CHECK(days_of("0 0 29 2 *", 2026, 2).empty());
  CHECK(days_of("0 0 * * 5L", 2026, 7) == "31");
}

TEST_CASE("words stand for what cron has them stand for", "[cron]") {
  struct Row {
    const char* word;
    const char* meaning;
  };
  for (const Row& row :
       {Row{"@hourly", "0 * * * *"}, Row{"@daily", "0 0 * * *"}, Row{"@midnight", "0 0 * * *"}, Row{"@Weekly", "0 0 * * 0"},
        Row{"@monthly", "0 0 1 * *"}, Row{"@yearly", "0 0 1 1 *"}, Row{" @annually ", "0 0 1 1 *"}}) {
    INFO(row.word);
    CHECK(times_of(row.word) == times_of(row.meaning));
    for (const unsigned month : {1U, 11U}) {
      CHECK(days_of(row.word, 2026, month) == days_of(row.meaning, 2026, month));
    }
    CHECK(CronExpression::parsed(row.word).text() == row.word);
  }
}

TEST_CASE("what is wrong is told with its place", "[cron]") {
  struct Row {
    const char* expression;
    std::size_t position;
    const char* text;
    const char* hint;
  };
  constexpr auto fields = "write minute, hour, day of month, month and day of week, as in 30 2 * * *";
  constexpr auto minutes = "use *, numbers from 0 to 59, ranges (1-5), steps (*/2) and lists (1,3)";
  for (const Row& row : {
           Row{"", 0, "\"\" is not a cron expression of 5 fields, it has 0", fields},
           Row{"30 2 * *", 8, "\"30 2 * *\" is not a cron expression of 5 fields, it has 4", fields},
           Row{"0 30 2 * * *", 11, "\"0 30 2 * * *\" is not a cron expression of 5 fields, it has 6",
               "there is no field for seconds, and none for years: write minute, hour, day of month, month and day of week, as "
               "in 30 2 * * *"},
           Row{"60 2 * * *", 0, "60 is no minute: out of range", minutes},
           Row{"30 24 * * *", 3, "24 is no hour: out of range",
               "use *, numbers from 0 to 23, ranges (1-5), steps (*/2) and lists (1,3)"},
           Row{"1,,2 2 * * *", 2, "a minute is missing", minutes},
           Row{"1, 2 * * *", 2, "a minute is missing", minutes},
           Row{"1- 2 * * *", 2, "a minute is missing", minutes},
           Row{"-1 2 * * *", 0, "a minute is missing", minutes},
           Row{"x 2 * * *", 0, "\"x\" is no minute", minutes},
           Row{"1.5 2 * * *", 0, "\"1.5\" is no minute", minutes},
           Row{"** 2 * * *", 0, "\"**\" is no minute", minutes},
           Row{"0 2 0 * *", 4, "0 is no day of month: out of range",
               "use *, numbers from 1 to 31 or L for the last, ranges (1-5), steps (*/2) and lists (1,3)"},
           Row{"0 2 ? * *", 4, "\"?\" is not known here", "write *"},
           Row{"0 2 15W * *", 4, "\"15W\" is no day of month", "of letters only L alone is known here: the month's last day"},
           Row{"0 2 * 13 *", 6, "13 is no month: out of range",
               "use *, numbers from 1 to 12 or JAN to DEC, ranges (1-5), steps (*/2) and lists (1,3)"},
           Row{"0 2 * * 8", 8, "8 is no day of week: out of range",
               "use *, numbers from 0 to 7 (0 and 7 are Sunday) or SUN to SAT, the last Friday as 5L, the second Monday as "
               "MON#2, ranges "
               "(1-5), steps (*/2) and lists (1,3)"},
           Row{"0 2 * * FRI-MON", 8, "\"FRI-MON\" goes backwards",
               "write the lower day of week first, or two ranges with a comma between"},
           Row{"0 2 * * L", 8, "\"L\" alone is no day of week", "write 5L or FRIL for the month's last Friday"},
           Row{"0 2 * * MON#6", 12, "\"6\" does not count a day of week within a month", "write 1 to 5 behind the #"},
           Row{"0 2 * * MON#", 12, "\"\" does not count a day of week within a month", "write 1 to 5 behind the #"},
           Row{"50-10 2 * * *", 0, "\"50-10\" goes backwards",
               "write the lower minute first, or two ranges with a comma between"},
           Row{"5/15 2 * * *", 0, "\"5/15\" has a step but no range", "write 5-59/15"},
           Row{"*/0 2 * * *", 2, "\"0\" is no step for a minute", "write a number from 1 to 59 behind the /"},
           Row{"*/60 2 * * *", 2, "\"60\" is no step for a minute", "write a number from 1 to 59 behind the /"},
           Row{"*/ 2 * * *", 2, "\"\" is no step for a minute", "write a number from 1 to 59 behind the /"},
           Row{"@dayly", 0, "\"@dayly\" is not known", "did you mean \"@daily\"?"},
           Row{"@reboot", 0, "\"@reboot\" is not known",
               "known are: @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"},
           Row{"0 2 31 2 *", 4, "\"0 2 31 2 *\" is never due: there is no such day", "for a month's last day write L"},
           Row{"0 2 31 4,6,9,11 *", 4, "\"0 2 31 4,6,9,11 *\" is never due: there is no such day",
               "for a month's last day write L"},
       }) {
    const CronProblem problem = problem_of(row.expression);
    INFO(row.expression);
    CHECK(problem.position == row.position);
    CHECK(problem.text == row.text);
    CHECK(problem.hint == row.hint);
  }
  CHECK_THAT(problem_of(std::string(2000, '1')).text, Catch::Contains("too long"));
}

TEST_CASE("rare days are no impossible ones", "[cron]") {
  CHECK(times_of("0 0 29 2 *") == " 0 : 0");
  CHECK(times_of("0 0 */28 2 MON#5") == " 0 : 0");  // 29 February on a Monday: 2044
  CHECK(times_of("0 0 31 2 MON") == " 0 : 0");      // either will do
}

TEST_CASE("who needs an expression gets an error of the configuration", "[cron]") {
  try {
    const auto expression = CronExpression::parsed("30 2 * FEB-JAN *");
    FAIL(expression.text());
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(error.message() == "\"30 2 * FEB-JAN *\" is not a cron expression: \"FEB-JAN\" goes backwards");
    CHECK(error.context("column") == "8");
  }
}

}  // namespace cron_expression_test
