#include "supabase/platform_answers.h"

#include <catch2/catch.hpp>

#include "base/error.h"

namespace platform_answers_test {

using namespace pgrecall;

namespace {
std::optional<std::string> time_of(std::string_view text) {
  const std::optional<Time> time = parse_platform_time(text);
  return time ? std::optional(format_time(*time)) : std::nullopt;
}

std::string refused(std::string_view json) {
  try {
    static_cast<void>(backups_of(json));
  } catch (const Error& error) {
    return error.message();
  }
  return "taken";
}
}  // namespace

TEST_CASE("times of the platform are read in the forms that it writes", "[supabase]") {
  CHECK(time_of("2026-11-23T02:30:00Z") == "2026-11-23T02:30:00Z");
  CHECK(time_of("2026-11-23T02:30:00.123456Z") == "2026-11-23T02:30:00Z");
  CHECK(time_of("2026-11-23T02:30:00") == "2026-11-23T02:30:00Z");
  CHECK(time_of("2026-11-23 02:30:00.5+00") == "2026-11-23T02:30:00Z");
  CHECK(time_of("2026-11-23T02:30:00+05:30") == "2026-11-22T21:00:00Z");
  CHECK(time_of("2026-11-23T02:30:00-0800") == "2026-11-23T10:30:00Z");
  for (const auto* bad : {"", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T02:30:00X",
                          "2026-11-23T02:30:00+1", "2026-11-23T02:30:00+01:00x", "yesterday"}) {
    CHECK(time_of(bad) == std::nullopt);
  }
}

TEST_CASE("backups are read newest first, with what is not known left unknown", "[supabase]") {
  const PlatformBackups read = backups_of(R"({"region":"eu-central-1","walg_enabled":true,"pitr_enabled":false,"new":{},
    "backups":[{"id":1,"is_physical_backup":true,"status":"COMPLETED","inserted_at":"2026-11-21T00:00:00.000Z"},
               {"id":2,"is_physical_backup":true,"status":"FAILED","inserted_at":"2026-11-22T00:00:00.000Z"}],
    "physical_backup_data":{"earliest_physical_backup_date_unix":1790000000,"latest_physical_backup_date_unix":0}})");
  REQUIRE(read.backups.size() == 2);
  CHECK(read.backups[0].status == "FAILED");
  CHECK(format_time(read.newest("COMPLETED").value()) == "2026-11-21T00:00:00Z");
  CHECK_FALSE(read.newest("PENDING"));
  CHECK(read.pitr_enabled == false);
  CHECK(read.earliest.has_value());
  CHECK_FALSE(read.latest);  // 0 is no moment

  const PlatformBackups empty = backups_of(R"({"backups":[],"physical_backup_data":{}})");
  CHECK_FALSE(empty.pitr_enabled);
  CHECK_FALSE(empty.earliest);
}

TEST_CASE("an answer that is not understood is never an empty one", "[supabase]") {
  for (const auto* bad : {"", "[]", "{}", "<html>", R"({"backups":{}})", R"({"backups":[1]})",
                          R"({"backups":[{"status":1,"inserted_at":"2026-11-21T00:00:00Z"}]})",
                          R"({"backups":[{"status":"COMPLETED","inserted_at":"soon"}]})",
                          R"({"backups":[],"physical_backup_data":{"latest_physical_backup_date_unix":"1"}})",
                          R"({"backups":[],"physical_backup_data":{"latest_physical_backup_date_unix":-1}})",
                          R"({"backups":[],"physical_backup_data":{"latest_physical_backup_date_unix":1e30}})"}) {
    CHECK_THAT(refused(bad), Catch::StartsWith("the Management API's answer is not understood"));
  }
  CHECK_THROWS_AS(project_status_of(R"({"status":7})"), Error);
}

TEST_CASE("messages of errors are made harmless, and prices are read", "[supabase]") {
  CHECK(message_of("{\"message\":\"no\\u001b[31m way\\n\"}") == "no[31m way");
  CHECK(message_of("<html>").empty());
  CHECK(message_of(R"({"message":")" + std::string(1000, 'x') + R"("})").size() == 300);
  const PlatformAddOns read = add_ons_of(R"({"selected_addons":[{"type":"compute_instance","variant":{"id":"ci_small"}}],
    "available_addons":[{"type":"pitr","variants":[{"id":"pitr_7","name":"7 days","price":{"description":"$100/month"}}]}]})");
  CHECK(read.selected.at(0).variant == "ci_small");
  CHECK(read.available.at(0).description == "$100/month");
}

}  // namespace platform_answers_test
