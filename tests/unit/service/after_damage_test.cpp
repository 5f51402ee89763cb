#include "service/after_damage.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace after_damage_test {

using namespace pgrecall;

namespace {

Run verify_that_left(const std::vector<std::string>& objects) {
  nlohmann::json findings = nlohmann::json::array();
  findings.push_back({{"severity", "damage"}, {"object", "mended"}, {"repaired", true}});
  findings.push_back({{"severity", "notice"}, {"object", "orphan"}, {"repaired", false}});
  for (const std::string& object : objects) {
    findings.push_back({{"severity", "damage"}, {"object", object}, {"repaired", false}});
  }
  Run run;
  run.cluster = "prod";
  run.job = "verify";
  run.state = objects.empty() ? RunState::warnings : RunState::failed;
  run.exit_code = objects.empty() ? exit_done_with_warnings : exit_code(ErrorKind::corruption);
  run.result = nlohmann::json{{"document", {{"verify", {{"findings", findings}}}}}}.dump();
  return run;
}

}  // namespace

TEST_CASE("damage is answered once: by a backup that shares nothing, then by a repair", "[after_damage]") {
  const Run verify = verify_that_left({"pack b", "pack a"});
  auto backup = next_after_damage(verify, {verify});
  REQUIRE(backup);
  CHECK(backup->job == "backup");
  CHECK(backup->trigger == RunTrigger::repair);
  const auto options = nlohmann::json::parse(backup->options);
  CHECK(options.at("full") == true);
  CHECK(options.at("note") == "verify left damage: pack a, pack b");

  // While it waits, and when it is over, the same damage asks for no other.
  CHECK_FALSE(next_after_damage(verify, {*backup}));
  CHECK_FALSE(next_after_damage(verify_that_left({"pack c"}), {*backup}));
  backup->state = RunState::failed;
  backup->exit_code = exit_code(ErrorKind::database_unreachable);
  CHECK_FALSE(next_after_damage(*backup, {}));
  // Its retry counts as it would have.
  backup->trigger = RunTrigger::retry;
  backup->state = RunState::done;
  const auto repair = next_after_damage(*backup, {*backup});
  REQUIRE(repair);
  CHECK(repair->job == "verify");
  CHECK(nlohmann::json::parse(repair->options).at("repair") == true);
  CHECK_FALSE(next_after_damage(verify, {*backup}));
  CHECK(next_after_damage(verify_that_left({"pack c"}), {*backup}));

  // What the repair could not mend would not be mended by yet another backup.
  Run left = verify_that_left({"pack d"});
  left.trigger = RunTrigger::repair;
  CHECK_FALSE(next_after_damage(left, {}));
}

TEST_CASE("what was repaired, or failed otherwise, asks for nothing", "[after_damage]") {
  CHECK_FALSE(next_after_damage(verify_that_left({}), {}));
  Run failed = verify_that_left({});
  failed.state = RunState::failed;
  failed.exit_code = exit_code(ErrorKind::corruption);
  CHECK_FALSE(next_after_damage(failed, {}));
  failed.result.clear();
  CHECK_FALSE(next_after_damage(failed, {}));
}

}  // namespace after_damage_test
