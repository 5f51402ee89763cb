#include "engine/canary.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace canary_test {

using namespace pgrecall;

namespace {
using State = DrillRecord::State;

const Time noon = parse_time("2026-11-23T12:00:00Z").value();

// One each minute, from 11:51 to 12:09.
std::vector<Heartbeat> minutes() {
  std::vector<Heartbeat> all;
  for (int minute = -9; minute < 10; ++minute) {
    all.push_back({static_cast<std::uint64_t>(minute + 10), noon + std::chrono::minutes(minute)});
  }
  return all;
}

State judged(std::optional<Heartbeat> found, std::chrono::seconds after_noon) {
  return judge_canary(found, noon + after_noon, minutes()).state;
}
}  // namespace

TEST_CASE("The newest heartbeat before the moment is to be there, and the next is not") {
  const Heartbeat at_noon{10, noon};
  const auto right = judge_canary(at_noon, noon + std::chrono::seconds(40), minutes());
  CHECK(right.state == State::good);
  CHECK(right.detail ==
        "heartbeat 10 of 2026-11-23T12:00:00Z is the newest in the copy, and heartbeat 11 of 2026-11-23T12:01:00Z is not in it,"
        " as it should be");
  CHECK(judged(Heartbeat{9, noon - std::chrono::minutes(1)}, std::chrono::seconds(40)) == State::bad);   // too old
  CHECK(judged(Heartbeat{11, noon + std::chrono::minutes(1)}, std::chrono::seconds(40)) == State::bad);  // of the future
  CHECK(judged(std::nullopt, std::chrono::seconds(40)) == State::bad);
  CHECK(judged(Heartbeat{10, noon + std::chrono::seconds(1)}, std::chrono::seconds(40)) ==
        State::bad);  // another one of that number
}

TEST_CASE("What was committed in the last moments may be there or not") {
  CHECK(judged(Heartbeat{10, noon}, std::chrono::seconds(3)) == State::good);
  CHECK(judged(Heartbeat{9, noon - std::chrono::minutes(1)}, std::chrono::seconds(3)) == State::good);
  CHECK(judged(Heartbeat{8, noon - std::chrono::minutes(2)}, std::chrono::seconds(3)) == State::bad);
}

TEST_CASE("Without the list, less is proved") {
  const Heartbeat found{10, noon};
  CHECK(judge_canary(found, noon + std::chrono::seconds(70), {}).state == State::good);
  CHECK(judge_canary(found, noon + std::chrono::seconds(100), {}).state == State::not_checked);
  CHECK(judge_canary(found, noon - std::chrono::seconds(1), {}).state == State::bad);
  CHECK(judge_canary(std::nullopt, noon, {}).state == State::not_checked);
  // Before the first.
  CHECK(judge_canary(std::nullopt, noon - std::chrono::hours(1), minutes()).state == State::not_checked);
}

TEST_CASE("Numbers that begin anew confuse nobody") {
  std::vector<Heartbeat> written = minutes();
  written.push_back({1, noon + std::chrono::minutes(10)});
  written.push_back({2, noon + std::chrono::minutes(11)});
  CHECK(judge_canary(written.back(), noon + std::chrono::minutes(12), written).state == State::good);
  CHECK(judge_canary(Heartbeat{19, noon + std::chrono::minutes(9)}, noon + std::chrono::minutes(12), written).state ==
        State::bad);
  CHECK(judge_canary(Heartbeat{2, noon - std::chrono::minutes(8)}, noon - std::chrono::seconds(450), written).state ==
        State::good);
}

TEST_CASE("The list is read as it was written, but for what a crash cut off") {
  std::string directory = (std::filesystem::temp_directory_path() / "pgrecall-test-XXXXXX").string();
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  const std::string path = HeartbeatLedger::path_in(directory, "shop");
  const HeartbeatLedger ledger(path);
  CHECK(ledger.read().empty());
  const std::vector<Heartbeat> all = minutes();
  ledger.add(all[0]);
  ledger.add(all[1]);
  std::ofstream(path, std::ios::app) << "half";
  CHECK(ledger.read() == std::vector<Heartbeat>{all[0], all[1]});
  ledger.add(all[2]);
  CHECK(ledger.read() == std::vector<Heartbeat>{all[0], all[1], all[2]});
  std::filesystem::remove_all(directory);
}

}  // namespace canary_test
