#include "commands/option_values.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "commands/backup_choice.h"

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
