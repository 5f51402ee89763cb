#include <catch2/catch.hpp>

#include "engine/expire/policy.h"

namespace expire_policy_test {

using namespace pgrecall;

namespace {

Time at(const std::string& text) { return parse_time(text).value(); }

// UTC, as a zone that needs no database.
RetentionPolicy policy(unsigned daily, unsigned weekly, unsigned monthly, std::chrono::hours window = std::chrono::hours(0)) {
  return {.daily = daily, .weekly = weekly, .monthly = monthly, .window = window, .local_day = [](Time time) {
            return std::chrono::local_days(std::chrono::floor<std::chrono::days>(time).time_since_epoch());
          }};
}

PolicyBackup backup(const std::string& text, Keep keep = Keep::daily) {
  const Time time = at(text);
  return {.id = BackupId::make(time, BackupKind::full), .started = time, .ended = time + std::chrono::minutes(10), .keep = keep};
}

// Dates of those that stay, "23 24".
std::string staying(const std::vector<PolicyBackup>& backups, const RetentionPolicy& by, const std::set<BackupId>& bases = {}) {
  std::string text;
  for (const Verdict& verdict : judge_backups(backups, by, bases)) {
    text += verdict.stays() ? (text.empty() ? "" : " ") + verdict.id.text.substr(4, 4) : "";
  }
  return text;
}

std::vector<std::string> reasons(const Verdict& verdict) {
  std::vector<std::string> texts;
  for (const KeepReason& reason : verdict.reasons) {
    texts.push_back(reason.text);
  }
  return texts;
}

std::vector<PolicyBackup> days(const std::string& month, int first, int last, Keep keep = Keep::daily) {
  std::vector<PolicyBackup> backups;
  for (int day = first; day <= last; ++day) {
    backups.push_back(backup(month + (day < 10 ? "-0" : "-") + std::to_string(day) + "T02:30:00Z", keep));
  }
  return backups;
}

}  // namespace

TEST_CASE("One backup stays for each of the newest days, weeks and months", "[expire]") {
  const auto november = days("2026-11", 1, 24);
  CHECK(staying(november, policy(3, 0, 0)) == "1122 1123 1124");
  // Weeks end on Sundays: the 8th, 15th and 22nd; the running one is the 24th's.
  CHECK(staying(november, policy(0, 3, 0)) == "1115 1122 1124");
  CHECK(staying(november, policy(0, 0, 2)) == "1124");
  CHECK(staying(november, policy(2, 2, 2)) == "1122 1123 1124");
}

TEST_CASE("A backup that was taken for it stands for its period, and any other where there is none", "[expire]") {
  auto backups = days("2026-11", 16, 22);
  backups.insert(backups.begin() + 2, backup("2026-11-17T03:30:00Z", Keep::weekly));
  CHECK(staying(backups, policy(0, 1, 0)) == "1117 1122");  // the newest good one stays anyway
  backups[2].keep = Keep::monthly;
  CHECK(staying(backups, policy(0, 0, 1)) == "1117 1122");
  CHECK(staying(backups, policy(0, 1, 0)) == "1122");
  // A scheduled one goes before one that somebody took by hand, which stays by itself.
  auto by_hand = days("2026-11", 23, 23);
  by_hand.push_back(backup("2026-11-23T14:00:00Z", Keep::manual));
  const auto verdicts = judge_backups(by_hand, policy(1, 0, 0), {});
  CHECK(reasons(verdicts[0]) == std::vector<std::string>{"daily of 2026-11-23"});
  CHECK(reasons(verdicts[1]) == std::vector<std::string>{"the newest good backup", "manual, until removed"});
}

TEST_CASE("Days without a backup count for nothing: after a long silence nothing goes", "[expire]") {
  auto backups = days("2020-01", 1, 7);
  backups.push_back(backup("2026-11-23T02:30:00Z"));
  CHECK(staying(backups, policy(8, 0, 0)) == "0101 0102 0103 0104 0105 0106 0107 1123");
}

TEST_CASE("Pinned ones, manual ones and bases of the window stay, whatever is counted", "[expire]") {
  auto backups = days("2026-11", 1, 10);
  backups[1].pinned = true;
  backups[2].keep = Keep::manual;
  CHECK(staying(backups, policy(1, 0, 0), {backups[4].id}) == "1102 1103 1105 1110");
}

TEST_CASE("The newest good backup stays with a policy of nothing", "[expire]") {
  auto backups = days("2026-11", 1, 5);
  backups[4].good = false;
  CHECK(staying(backups, policy(0, 0, 0)) == "1104");
}

TEST_CASE("A damaged backup takes no good one's place", "[expire]") {
  auto backups = days("2026-11", 1, 5);
  backups[4].good = false;
  CHECK(staying(backups, policy(2, 0, 0)) == "1103 1104 1105");
  // Two on one day: the good one counts, though it is older.
  backups.push_back(backup("2026-11-05T09:00:00Z"));
  std::swap(backups[4].good, backups[5].good);
  CHECK(staying(backups, policy(1, 0, 0)) == "1105");
  CHECK(judge_backups(backups, policy(1, 0, 0), {})[4].stays());
}

TEST_CASE("Without any good backup none goes", "[expire]") {
  auto backups = days("2026-11", 1, 5);
  for (PolicyBackup& each : backups) {
    each.good = false;
  }
  CHECK(staying(backups, policy(1, 0, 0)) == "1101 1102 1103 1104 1105");
}

TEST_CASE("Days begin in the cluster's time zone", "[expire]") {
  std::vector<PolicyBackup> backups{backup("2026-11-22T22:30:00Z"), backup("2026-11-22T23:30:00Z")};
  auto berlin = policy(2, 0, 0);
  CHECK(staying(backups, berlin) == "1122");
  berlin.local_day = [](Time time) {
    return std::chrono::local_days(std::chrono::floor<std::chrono::days>(time + std::chrono::hours(1)).time_since_epoch());
  };
  CHECK(staying(backups, berlin) == "1122 1122");
  CHECK(reasons(judge_backups(backups, berlin, {})[1]).back() == "daily of 2026-11-23");
}

TEST_CASE("Weeks are those of ISO 8601, also at the turn of the year", "[expire]") {
  const auto verdicts = judge_backups(
      {backup("2026-12-31T02:30:00Z"), backup("2027-01-03T02:30:00Z"), backup("2027-01-04T02:30:00Z")}, policy(0, 2, 2), {});
  CHECK(reasons(verdicts[0]) == std::vector<std::string>{"monthly of 2026-12"});
  CHECK(reasons(verdicts[1]) == std::vector<std::string>{"weekly of 2026-W53"});
  CHECK(reasons(verdicts[2]) == std::vector<std::string>{"the newest good backup", "weekly of 2027-W01", "monthly of 2027-01"});
}

TEST_CASE("Until when a backup stays is told where it is known", "[expire]") {
  const auto verdicts = judge_backups(
      {backup("2026-11-01T04:30:00Z", Keep::monthly), backup("2026-11-22T02:30:00Z"), backup("2026-11-23T02:30:00Z")},
      policy(7, 5, 12), {});
  CHECK(format_day(verdicts[0].about_until().value()) == "2027-11-01");
  CHECK(format_day(verdicts[1].about_until().value()) == "2026-12-21");  // five weeks behind the Monday of its week
  CHECK(format_day(verdicts[2].about_until().value()) == "2026-11-30");  // its week is not over
}

TEST_CASE("Time has come as far as backups, WAL and the clock agree", "[expire]") {
  const auto by = policy(7, 5, 12, std::chrono::hours(7 * 24));
  auto backups = days("2026-11", 20, 23);
  const Time ended = at("2026-11-23T02:40:00Z");
  CHECK(reference_time(backups, by, at("2026-11-23T08:00:00Z"), {}) == ended);
  CHECK(reference_time(backups, by, at("2036-11-23T08:00:00Z"), {}) == ended);
  CHECK(reference_time(backups, by, at("2020-01-01T00:00:00Z"), {}) == at("2020-01-01T00:00:00Z"));
  CHECK(reference_time(backups, by, at("2026-11-23T08:00:00Z"), at("2026-11-22T10:00:00Z")) == at("2026-11-22T10:00:00Z"));
  // A backup that a clock far ahead dated is believed for one window only.
  backups.push_back(backup("2036-11-23T02:30:00Z"));
  CHECK(reference_time(backups, by, at("2036-11-23T08:00:00Z"), {}) == ended + std::chrono::hours(7 * 24));
  CHECK(reference_time(backups, by, at("2036-11-23T08:00:00Z"), at("2026-11-23T03:00:00Z")) == at("2026-11-23T03:00:00Z"));
}

TEST_CASE("By time alone, the window begins with the newest good backup before it", "[expire]") {
  auto backups = days("2026-11", 1, 10);
  backups[3].good = false;
  const auto two_days = policy(7, 5, 12, std::chrono::hours(48));
  CHECK(bases_by_time(backups, two_days, at("2026-11-06T12:00:00Z")) == std::set<BackupId>{backups[2].id});
  CHECK(bases_by_time(backups, two_days, at("2026-11-07T02:40:00Z")) == std::set<BackupId>{backups[4].id});
  CHECK(bases_by_time(backups, two_days, at("2026-10-01T00:00:00Z")) == std::set<BackupId>{backups[0].id});
  CHECK(bases_by_time(backups, policy(7, 5, 12), at("2026-11-07T02:40:00Z")).empty());
}

}  // namespace expire_policy_test
