#include "commands/option_values.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "commands/backup_choice.h"
#include "jobs/backup_job.h"
#include "jobs/expire_job.h"

namespace option_values_test {

using namespace pgrecall;

namespace {
template <typename Call>
bool is_usage_error(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage && !error.hint().empty();
  }
  return false;
}
}  // namespace

TEST_CASE("rates need a unit and are not zero") {
  CHECK(take_rate("--max-rate", "50MB/s") == 50'000'000);
  for (const char* wrong : {"", "50", "50MB", "0MB/s", "-1MB/s", "50MB/s "}) {
    INFO(wrong);
    CHECK(is_usage_error([&] { static_cast<void>(take_rate("--max-rate", wrong)); }));
  }
}

TEST_CASE("compression methods and levels") {
  CHECK(take_compression("-c", "zstd").level == 1);
  CHECK(take_compression("-c", "zstd:-7").level == -7);
  CHECK(take_compression("-c", "lz4:12").method == CompressionMethod::lz4);
  CHECK(take_compression("-c", "none").method == CompressionMethod::none);
  for (const char* wrong : {"", "gzip", "zstd:", "zstd:20", "zstd:-8", "lz4:0", "lz4:13", "none:1", "none:2", "zstd:3x"}) {
    INFO(wrong);
    CHECK(is_usage_error([&] { static_cast<void>(take_compression("-c", wrong)); }));
  }
}

TEST_CASE("how much to verify") {
  CHECK(take_fraction("--data", "all") == 1.0);
  CHECK(take_fraction("--data", "10%") == Approx(0.1));
  CHECK(take_fraction("--data", "0.5%") == Approx(0.005));
  for (const char* wrong : {"", "10", "0%", "101%", "nan%", "%", "-5%"}) {
    INFO(wrong);
    CHECK(is_usage_error([&] { static_cast<void>(take_fraction("--data", wrong)); }));
  }
}

TEST_CASE("durations are bounded, so that none turns into its opposite") {
  CHECK(take_duration("--window", "36525d") == std::chrono::hours(24 * 36525));
  CHECK(take_duration("--grace", "0s") == std::chrono::hours(0));
  for (const char* wrong : {"", "7", "-1s", "36526d", "999999999d", "106751991167d"}) {
    INFO(wrong);
    CHECK(is_usage_error([&] { static_cast<void>(take_duration("--window", wrong)); }));
  }
}

TEST_CASE("what the daemon is asked for is checked as what commands are told") {
  using nlohmann::ordered_json;
  const auto refused = [](const auto& wishes, const char* json) {
    INFO(json);
    return is_usage_error([&] { static_cast<void>(wishes(ordered_json::parse(json))); });
  };
  CHECK(backup_wishes_of({{"max_rate", 50'000'000}}).max_rate == 50'000'000U);
  for (const char* wrong : {R"({"max_rate":-1})", R"({"max_rate":0})", R"({"max_rate":"50MB/s"})", R"({"max_rate":1.5})",
                            R"({"full":"yes"})", R"({"keep":"yearly"})", R"({"workers":0})", R"({"colour":"red"})"}) {
    CHECK(refused(backup_wishes_of, wrong));
  }
  CHECK(expire_wishes_of({{"grace_seconds", 0}}).grace == std::chrono::seconds(0));
  for (const char* wrong : {R"({"grace_seconds":-1})", R"({"grace_seconds":9223372036854775807})", R"({"grace_seconds":1e30})",
                            R"({"grace_seconds":10000000000000})"}) {
    CHECK(refused(expire_wishes_of, wrong));
  }
}

TEST_CASE("tablespace mappings have two sides") {
  CHECK(take_pair("--tablespace", "/old=/new") == std::pair<std::string, std::string>("/old", "/new"));
  for (const char* wrong : {"", "/old", "=/new", "/old="}) {
    INFO(wrong);
    CHECK(is_usage_error([&] { static_cast<void>(take_pair("--tablespace", wrong)); }));
  }
}

TEST_CASE("a backup is named by id or as the latest") {
  CHECK(parse_backup_choice("20261123T023000Z-full")->text == "20261123T023000Z-full");
  CHECK_FALSE(parse_backup_choice("latest"));
  CHECK_FALSE(parse_backup_choice(""));
  CHECK(is_usage_error([] { static_cast<void>(parse_backup_choice("yesterday")); }));
}

}  // namespace option_values_test
