#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <random>
#include <set>

#include "engine/expire/policy.h"
#include "schedule/time_zone.h"

namespace expire_years_test {

// Three years of backups, with an expire a day, against the policy said in another way: by the C library's calendar, and by
// counting for each backup what speaks for it, with nothing but loops over all the others.

using namespace pgrecall;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

struct Configuration {
  const char* zone;
  unsigned daily;
  unsigned weekly;
  unsigned monthly;
  unsigned window_days;
};

// The C library's clock on the wall.
class WallClock {
 public:
  explicit WallClock(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  WallClock(const WallClock&) = delete;
  WallClock& operator=(const WallClock&) = delete;
  ~WallClock() {
    ::unsetenv("TZ");
    ::tzset();
  }
  [[nodiscard]] static std::string text(Time time, const char* format) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char buffer[32];
    return {buffer, std::strftime(buffer, sizeof buffer, format, &parts)};
  }
};

// As the policy sees one backup, with the names of its day, week and month.
struct Known {
  PolicyBackup backup;
  std::string period[3];

  explicit Known(PolicyBackup of) : backup(std::move(of)) {
    period[0] = WallClock::text(backup.started, "%Y-%m-%d");
    period[1] = WallClock::text(backup.started, "%G-W%V");
    period[2] = WallClock::text(backup.started, "%Y-%m");
  }
};

constexpr Keep keeps[3] = {Keep::daily, Keep::weekly, Keep::monthly};

bool beats(const Known& one, const Known& other, int level) {
  const auto points = [level](const Known& each) {
    return (each.backup.good ? 100 : 0) + (each.backup.keep == keeps[level] ? 10 : 0) +
           (each.backup.keep != Keep::manual ? 1 : 0);
  };
  return points(one) != points(other) ? points(one) > points(other) : one.backup.id > other.backup.id;
}

bool counts(const std::vector<Known>& all, const Known& one, int level, unsigned wanted) {
  std::set<std::string> newer;
  std::set<std::string> newer_good;
  for (const Known& other : all) {
    if (other.period[level] == one.period[level] && beats(other, one, level)) {
      return false;
    }
    if (other.period[level] > one.period[level]) {
      newer.insert(other.period[level]);
      if (other.backup.good) {
        newer_good.insert(other.period[level]);
      }
    }
  }
  return newer_good.size() < wanted && (one.backup.good || newer.size() < wanted);
}

bool stays(const std::vector<Known>& all, const Known& one, const Configuration& by, const std::set<BackupId>& bases) {
  bool any_good = false;
  bool newer_good = false;
  for (const Known& other : all) {
    any_good = any_good || other.backup.good;
    newer_good = newer_good || (other.backup.good && other.backup.id > one.backup.id);
  }
  return !any_good || (one.backup.good && !newer_good) || one.backup.pinned || one.backup.keep == Keep::manual ||
         bases.contains(one.backup.id) || counts(all, one, 0, by.daily) || counts(all, one, 1, by.weekly) ||
         counts(all, one, 2, by.monthly);
}

// What may happen on a day: the backups of the schedule, some of them missing, some damaged later, some by hand.
class ThreeYears {
 public:
  explicit ThreeYears(const Configuration& by)
      : by_(by),
        policy_{.daily = by.daily,
                .weekly = by.weekly,
                .monthly = by.monthly,
                .window = days(by.window_days),
                .local_day = [zone = TimeZone::named(by.zone)](Time time) { return std::chrono::floor<days>(zone.local(time)); }},
        now_(parse_time("2026-01-01T00:10:00Z").value()) {}

  void live() {
    for (int day = 0; day < 3 * 365; ++day) {
      INFO(by_.zone << ", day " << day << ", " << format_time(now_));
      if (day == 500) {
        now_ += days(45);  // the host was off, or its clock jumped
      }
      if (day % 200 < 185) {
        take_backups();
      }
      misfortune();
      expire();
      now_ += hours(24);
    }
    CHECK(expired_ > 500);
  }

 private:
  void take(Time time, Keep keep) {
    if (!backups_.empty() && time <= backups_.back().started) {
      return;
    }
    backups_.push_back({.id = BackupId::make(time, BackupKind::full),
                        .started = time,
                        .ended = time + minutes(1 + random_() % 300),
                        .keep = keep,
                        .pinned = random_() % 300 == 0});
  }

  void take_backups() {
    // Somewhere in the day, so that it falls onto both sides of midnight in each zone.
    const Time time = now_ + minutes(random_() % 900);
    if (random_() % 20 != 0) {
      take(time, Keep::daily);
    }
    if (std::chrono::weekday(std::chrono::floor<days>(time)) == std::chrono::Sunday && random_() % 4 != 0) {
      take(time + hours(1), Keep::weekly);
    }
    if (std::chrono::year_month_day(std::chrono::floor<days>(time)).day() == std::chrono::day(1) && random_() % 4 != 0) {
      take(time + hours(2), Keep::monthly);
    }
    if (random_() % 150 == 0) {
      take(time + hours(3), Keep::manual);
    }
  }

  void misfortune() {
    if (random_() % 40 == 0 && !backups_.empty()) {
      PolicyBackup& hit = backups_[random_() % backups_.size()];
      hit.good = !hit.good;
    }
    if (random_() % 100 == 0 && !backups_.empty()) {
      backups_[random_() % backups_.size()].pinned = false;
    }
  }

  // Every moment that could be reached before can be reached now, as far as the policy promises it.
  void check_window(const std::vector<PolicyBackup>& before, Time reference) const {
    const auto reaches = [](const std::vector<PolicyBackup>& backups, Time moment) {
      return std::ranges::any_of(backups, [&](const PolicyBackup& each) { return each.good && each.ended <= moment; });
    };
    for (Time moment = by_.window_days == 0 ? reference + hours(1) : reference - policy_.window; moment <= reference;
         moment += hours(3)) {
      CHECK(reaches(backups_, moment) == reaches(before, moment));
    }
  }

  void expire() {
    // The clock is wrong now and then: far ahead, or far behind.
    const Time clock = random_() % 50 == 0 ? now_ + days(4000) : (random_() % 50 == 0 ? now_ - days(4000) : now_ + hours(23));
    const Time reference = reference_time(backups_, policy_, clock, std::nullopt);
    const std::set<BackupId> bases = bases_by_time(backups_, policy_, reference);
    const std::vector<Verdict> verdicts = judge_backups(backups_, policy_, bases);
    const std::vector<Known> known(backups_.begin(), backups_.end());
    REQUIRE(verdicts.size() == known.size());
    std::vector<PolicyBackup> left;
    for (std::size_t i = 0; i < known.size(); ++i) {
      INFO(verdicts[i].id.text);
      REQUIRE(verdicts[i].id == backups_[i].id);
      REQUIRE(verdicts[i].stays() == stays(known, known[i], by_, bases));
      if (verdicts[i].stays()) {
        left.push_back(backups_[i]);
      }
    }
    expired_ += backups_.size() - left.size();
    const std::vector<PolicyBackup> before = std::exchange(backups_, std::move(left));
    check_window(before, reference);
    // Judged again, nothing more goes.
    const auto again = judge_backups(backups_, policy_, bases);
    REQUIRE(std::ranges::all_of(again, [](const Verdict& each) { return each.stays(); }));
  }

  const Configuration& by_;
  const RetentionPolicy policy_;
  const WallClock wall_{by_.zone};
  Time now_;
  std::vector<PolicyBackup> backups_;
  std::uint64_t expired_ = 0;
  std::mt19937 random_{20261123};
};

}  // namespace

TEST_CASE("Three years of retention are what the policy says, in another way", "[expire][long]") {
  const Configuration by = GENERATE(Configuration{"UTC", 7, 5, 12, 7}, Configuration{"Europe/Berlin", 7, 5, 12, 7},
                                    Configuration{"America/New_York", 14, 8, 24, 30},
                                    Configuration{"Australia/Lord_Howe", 3, 0, 2, 0}, Configuration{"Pacific/Apia", 0, 6, 0, 2},
                                    Configuration{"Asia/Kathmandu", 1, 1, 1, 14}, Configuration{"America/St_Johns", 0, 0, 0, 3});
  ThreeYears(by).live();
}

}  // namespace expire_years_test
