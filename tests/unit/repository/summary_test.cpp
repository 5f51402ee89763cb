#include "repository/summary.h"

#include <nlohmann/json.hpp>

#include "scratch_repository.h"
#include "some_backup.h"

namespace summary_test {

using namespace pgrecall;
using namespace pgrecall::test;

TEST_CASE("A summary's JSON has the members of the format, no more and no less") {
  const auto json = nlohmann::json::parse(format_summary(some_summary()));
  CHECK(json == nlohmann::json::parse(R"({
    "id": "20261124T023000Z-incr", "cluster": "prod", "system_identifier": "18446744073709551615", "server_version": 150004,
    "started": "2026-11-24T02:30:00Z", "finished": "2026-11-24T02:31:05Z", "start_lsn": "16/B374D848", "stop_lsn": "16/C0000000",
    "timeline": 3, "page_size": 8192, "wal_segment_size": 16777216, "relation_segment_blocks": 131072, "page_checksums": true,
    "from_standby": false, "label": "nightly", "keep": "weekly", "note": "before the \"upgrade\"",
    "parent": "20261123T023000Z-full", "compression": "zstd 1", "files": 1234, "logical_bytes": 5000000000,
    "stored_bytes": 1000, "shared_bytes": 4999999000, "chunks_new": 7, "chunks_shared": 8, "wal_bytes": 99, "manifest_size": 4096,
    "manifest_sha256": "ab00000000000000000000000000000000000000000000000000000000000000",
    "tablespaces": [{"oid": 16401, "location": {"base64": "L21udC9m6XRl"}, "size": 77}],
    "page_failures": [{"file": "base/5/16384.1", "block": 131073, "expected": 65535, "found": 1, "reread": "same"}],
    "page_failure_count": 1, "configuration_files": ["postgresql.conf"],
    "companions": [{"name": "vault-key", "gathered": "2026-11-24T02:29:58Z", "files": 1, "bytes": 64, "secrets": ["pgsodium_root.key"]},
      {"name": "functions", "gathered": "2026-11-24T02:29:59Z", "files": 0, "bytes": 0, "problem": "not permitted", "secrets": []}],
    "warnings": ["one"], "tool": "pgrecall 0.1.0"})"));
}

TEST_CASE("A summary parses back to what it was") {
  const std::string text = format_summary(some_summary());
  const BackupSummary back = parse_summary(text, "x");
  CHECK(format_summary(back) == text);
  CHECK(back.tablespaces.at(0).location == "/mnt/f\xe9te");
  CHECK(back.system_identifier == UINT64_MAX);
  CHECK(back.parent == BackupId{"20261123T023000Z-full"});
  CHECK(back.start_lsn == Lsn{0x16B374D848});
}

TEST_CASE("A summary without a parent or companions has no such member; unknown members are ignored") {
  BackupSummary summary = some_summary();
  summary.parent.reset();
  summary.companions.clear();
  auto json = nlohmann::json::parse(format_summary(summary));
  CHECK_FALSE(json.contains("parent"));
  CHECK_FALSE(json.contains("companions"));
  json["from_a_later_version"] = {1, 2, 3};
  CHECK_FALSE(parse_summary(json.dump(), "x").parent);
}

TEST_CASE("A summary holds the first 1000 page failures, and how many there were") {
  BackupSummary summary = some_summary();
  summary.page_failures.assign(1500, summary.page_failures.at(0));
  summary.page_failures.at(1000).file = "the 1001st";
  summary.page_failure_count = 1500;
  const BackupSummary back = parse_summary(format_summary(summary), "x");
  CHECK(back.page_failures.size() == 1000);
  CHECK(back.page_failures.back().file == "base/5/16384.1");
  CHECK(back.page_failure_count == 1500);
}

TEST_CASE("A member that is missing, of another type, or out of range is corruption and named") {
  const auto whole = nlohmann::json::parse(format_summary(some_summary()));
  const auto refused = [](const nlohmann::json& json, const std::string& member) {
    const Error error = error_of([&] { static_cast<void>(parse_summary(json.dump(), "some/summary")); });
    return error.kind() == ErrorKind::corruption && error.context("object") == "some/summary" &&
           error.context("member") == member;
  };
  for (const auto& [member, value] : whole.items()) {
    INFO(member);
    auto json = whole;
    json[member] = nullptr;
    CHECK(refused(json, member));
    if (member != "parent" && member != "companions") {
      json.erase(member);
      CHECK(refused(json, member));
    }
  }
  const auto with = [&](const std::string& member, nlohmann::json value) {
    auto json = whole;
    json[member] = std::move(value);
    return json;
  };
  CHECK(refused(with("timeline", 4294967296), "timeline"));
  CHECK(refused(with("files", -1), "files"));
  CHECK(refused(with("files", 1.5), "files"));
  CHECK(refused(with("id", "20261124T023000Z"), "id"));
  CHECK(refused(with("keep", "hourly"), "keep"));
  CHECK(refused(with("system_identifier", "18446744073709551616"), "system_identifier"));
  CHECK(refused(with("system_identifier", "1 "), "system_identifier"));
  CHECK(refused(with("tablespaces", {1}), "oid"));
  CHECK(refused(with("warnings", {1}), "warnings"));
  CHECK(refused(with("note", {{"base64", "?"}}), "note"));
  CHECK(refused(with("started", "yesterday"), "started"));
}

TEST_CASE("What is no JSON object is corruption") {
  const auto text = GENERATE(as<std::string>(), "", "[]", "{", "null", "{\"id\":\"\xff\"}", std::string(100'000, '['));
  CHECK(error_of([&] { static_cast<void>(parse_summary(text, "x")); }).kind() == ErrorKind::corruption);
}

}  // namespace summary_test
