#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace pgrecall {

// What is wrong with a cron expression.
struct CronProblem {
  std::size_t position = 0;  // bytes from the start of the text to what is wrong
  std::string text;          // what is wrong
  std::string hint;          // what to write instead
};

// When something is due, by the wall clock: five fields, minute, hour, day of month, month and day of week, with blanks between.
//
//   *        every value                 1,15,30   each of them
//   5        one value                   1-5       from 1 to 5
//   */15     every 15th, from the first  10-50/20  10, 30, 50
//
// Months may be JAN to DEC and days of the week SUN to SAT, in any case; both 0 and 7 are Sunday. The day of month may be L, the
// month's last day; the day of week 5L or FRIL, the month's last Friday, or 1#2 or MON#2, its second Monday. @hourly, @daily or
// @midnight, @weekly, @monthly, and @yearly or @annually stand for 0 * * * *, 0 0 * * *, 0 0 * * 0, 0 0 1 * * and 0 0 1 1 *.
//
// The two days are read as cron(8) reads them: a field with a * in it is open, and a day must fit it and the other one; when
// neither is open, a day that fits either one will do (0 0 13 * FRI: every 13th, and every Friday).
//
// A value; immutable; safe for many threads. What it means in a time zone says next_run.h.
class CronExpression {
 public:
  // An expression that no day ever fits (0 0 31 2 *) is a problem, too.
  [[nodiscard]] static std::variant<CronExpression, CronProblem> parse(std::string_view text);
  // As parse(); throws Error{configuration}.
  [[nodiscard]] static CronExpression parsed(std::string_view text);

  // As it was written.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool fits_day(std::chrono::year_month_day day) const noexcept;
  [[nodiscard]] bool fits_hour(unsigned hour) const noexcept { return ((hours_ >> hour) & 1U) != 0; }
  [[nodiscard]] bool fits_minute(unsigned minute) const noexcept { return ((minutes_ >> minute) & 1U) != 0; }
  // Whether all 24 hours fit, so that it goes on by elapsed time where clocks change.
  [[nodiscard]] bool every_hour() const noexcept { return hours_ == (1U << 24U) - 1; }

 private:
  friend class CronParser;
  CronExpression() = default;

  [[nodiscard]] bool fits_day_of_month(std::chrono::year_month_day day) const noexcept;
  [[nodiscard]] bool fits_weekday(std::chrono::year_month_day day) const noexcept;

  // Bit n stands for the value n.
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t days_ = 0;
  std::uint32_t months_ = 0;
  std::uint32_t weekdays_ = 0;                             // 0 is Sunday; 7 is not used
  std::uint32_t last_weekdays_ = 0;                        // 5L
  std::array<std::uint32_t, 5> nth_weekdays_{};            // MON#2 in [1]
  enum class LastDay { no, yes } last_day_ = LastDay::no;  // L
  enum class Field { open, restricted } day_field_ = Field::open, weekday_field_ = Field::open;
  std::string text_;
};

}  // namespace pgrecall
