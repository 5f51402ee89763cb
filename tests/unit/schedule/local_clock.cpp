#include "unit/schedule/local_clock.h"

#include <cstdlib>

namespace pgrecall::test {

namespace {
constexpr std::time_t minute = 60;

// The reading as if it were UTC, so that readings can be counted through.
std::time_t as_number(const std::tm& reading) {
  std::tm copy = reading;
  return ::timegm(&copy);
}

std::tm from_number(std::time_t number) {
  std::tm reading{};
  ::gmtime_r(&number, &reading);
  return reading;
}
}  // namespace

LocalClock::LocalClock(const std::string& zone) {
  if (const char* before = std::getenv("TZ")) {
    before_ = before;
  }
  ::setenv("TZ", (":" + zone).c_str(), 1);
  ::tzset();
}

LocalClock::~LocalClock() {
  if (before_) {
    ::setenv("TZ", before_->c_str(), 1);
  } else {
    ::unsetenv("TZ");
  }
  ::tzset();
}

std::tm LocalClock::reading(std::time_t moment) const {
  std::tm reading{};
  ::localtime_r(&moment, &reading);
  return reading;
}

std::vector<std::time_t> LocalClock::transitions(int first_year, int end_year) const {
  const auto start_of = [](int year) { return std::chrono::sys_seconds(std::chrono::sys_days(std::chrono::year(year) / 1 / 1)); };
  const std::time_t end = start_of(end_year).time_since_epoch().count();
  std::vector<std::time_t> found;
  constexpr std::time_t step = 15 * minute;
  std::time_t at = start_of(first_year).time_since_epoch().count();
  for (long offset = reading(at).tm_gmtoff; at < end; at += step) {
    if (const long now = reading(at).tm_gmtoff; now != offset) {
      std::time_t moment = at - step + 1;
      while (reading(moment).tm_gmtoff != now) {
        ++moment;
      }
      found.push_back(moment);
      offset = now;
    }
  }
  return found;
}

std::vector<Time> due_times(const LocalClock& clock, const Fits& fits, Walk walk, std::time_t start, std::time_t end) {
  std::vector<Time> due;
  std::time_t seen = as_number(clock.reading(start)) - minute;
  for (std::time_t moment = start; moment < end; moment += minute) {
    const std::time_t shown = as_number(clock.reading(moment));
    bool is_due = walk == Walk::elapsed && fits(from_number(shown));
    for (; walk == Walk::by_reading && seen < shown; seen += minute) {
      is_due = is_due || fits(from_number(seen + minute));
    }
    if (is_due) {
      due.emplace_back(std::chrono::seconds(moment));
    }
  }
  return due;
}

}  // namespace pgrecall::test
