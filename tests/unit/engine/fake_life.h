#pragma once

#include <array>
#include <random>
#include <string>

#include "engine/expire/expire.h"
#include "engine/verify.h"
#include "unit/engine/fake_backups.h"

namespace pgrecall::test {

// A small repository that lives through simulated days: its clock stands still between the calls, and dates what is stored.
class FakeLife {
 public:
  FakeLife(Repository::Sealing sealing, std::chrono::seconds grace);

  // Some pages change, so that chunks die bit by bit.
  void change_source();
  // Full on Sundays (weekly) and on the first of a month (monthly), else incremental (daily).
  BackupSummary take_backup();
  // As the receiver does: the server has no WAL behind what there is.
  void put_time();
  // A day: changes, a backup at 02:30, WAL, a time mark; ends at 08:00, when expire is due. next_day() goes on to 02:30.
  void live_until_expire();
  void next_day() { clock.advance(std::chrono::minutes(18 * 60 + 30)); }
  ExpireResult run_expire() { return run_expire(*scratch); }
  ExpireResult run_expire(const Repository& repository);
  [[nodiscard]] VerifyReport run_verify() const { return run_verify(*scratch); }
  [[nodiscard]] VerifyReport run_verify(const Repository& repository) const;

  ManualClock clock;
  ScratchRepository scratch;
  FakeBackups backups;
  ExpireSettings settings;
  FakeCluster source;
  std::mt19937_64 random{20261123};
  std::string newest;  // id of the newest backup

 private:
  std::array<std::uint64_t, 24> seeds_{};
};

// Days in UTC; a recovery window of five days, backups of four days, two weeks and two months.
[[nodiscard]] RetentionPolicy fake_policy();
// For messages of failed checks.
[[nodiscard]] std::string text_of(const VerifyReport& report);

}  // namespace pgrecall::test
