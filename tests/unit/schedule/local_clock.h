#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

// A slow and simple reference for the schedule: the C library's own reading of the time zone database, minute by minute.

namespace pgrecall::test {

// Sets TZ as long as it lives; one at a time.
class LocalClock {
 public:
  explicit LocalClock(const std::string& zone);
  LocalClock(const LocalClock&) = delete;
  LocalClock& operator=(const LocalClock&) = delete;
  ~LocalClock();

  [[nodiscard]] std::tm reading(std::time_t moment) const;
  // Moments at which the distance from UTC changes, between the starts of two years.
  [[nodiscard]] std::vector<std::time_t> transitions(int first_year, int end_year) const;

 private:
  std::optional<std::string> before_;
};

using Fits = std::function<bool(const std::tm&)>;

// What is due in [start, end): walks through all minutes as somebody would who looks at the clock each minute, and who, when the
// clock has jumped ahead, looks at the minutes left out, too. `elapsed`: only what the clock shows counts, and always.
enum class Walk { by_reading, elapsed };
[[nodiscard]] std::vector<Time> due_times(const LocalClock& clock, const Fits& fits, Walk walk, std::time_t start,
                                          std::time_t end);

}  // namespace pgrecall::test
