#include "repository/drill_record.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "scratch_repository.h"

namespace drill_record_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
DrillRecord some_drill(const std::string& id) {
  DrillRecord record;
  record.id = id;
  record.cluster = "prod";
  record.system_identifier = 7'400'000'000'000'000'001;
  record.server_version = 150'018;
  record.started = parse_time("2026-11-23T02:30:00Z").value() + std::chrono::microseconds(7);
  record.finished = record.started + std::chrono::seconds(95);
  record.aim = DrillRecord::Aim::random;
  record.target = "time 2026-11-22T12:00:00Z";
  record.target_time = parse_time("2026-11-22T12:00:00Z");
  record.backup = BackupId{"20261122T023000Z-full"};
  record.timeline = 3;
  record.reached = Lsn{0x5'0000'0060};
  record.last_commit = *record.target_time - std::chrono::microseconds(1);
  record.proven_until = record.target_time;
  record.restored_bytes = 5'000'000'000;
  record.wal_bytes = 700'000'000;
  record.restore_seconds = 12.345;
  record.replay_seconds = 60.5;
  record.check_seconds = 20;
  record.total_seconds = 95;
  record.passed = true;
  record.checks = {{DrillRecord::State::good, "target", "LSN 5/60", ""},
                   {DrillRecord::State::not_checked, "amcheck", "\xFF", "install it"}};
  record.tool = "pgrecall 0.1.0";
  return record;
}
}  // namespace

TEST_CASE("A drill's record is read as it was written") {
  const std::string id = "20261123T023000Z-0a1b2c3d";
  DrillRecord record = some_drill(id);
  SECTION("that passed") {}
  SECTION("that an error ended early") {
    record.passed = false;
    record.reached = {};
    record.last_commit.reset();
    record.proven_until.reset();
    record.target_time.reset();
    record.error = "chunk hash differs";
    record.error_kind = "corruption";
  }
  const DrillRecord read = parse_drill(format_drill(record), drill_name("prod", id));
  CHECK(format_drill(read) == format_drill(record));
  CHECK(read.restore_seconds == Approx(12.345));
  CHECK(read.started == record.started);
  CHECK(read.reached == record.reached);
  CHECK(read.checks.back().detail == "\xFF");
}

TEST_CASE("What is no record of a drill is corruption") {
  const std::string name = drill_name("prod", "20261123T023000Z-0a1b2c3d");
  const std::string right = format_drill(some_drill("20261123T023000Z-0a1b2c3d"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = right;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& text :
       {with("\"random\"", "\"often\""), with("0a1b2c3d", "0a1b2c3e"), with("\"passed\":true", "\"passed\":1"),
        with("\"7400000000000000001\"", "\"-1\""), with("\"not_checked\"", "\"fine\""), std::string("[]")}) {
    INFO(text);
    CHECK_THROWS_AS(parse_drill(text, name), Error);
  }
}

TEST_CASE("The newest records are read, oldest first, and a damaged one hides no other") {
  const auto sealing = GENERATE(Repository::Sealing::none, Repository::Sealing::sealed);
  const ScratchRepository scratch(sealing);
  for (const char* id : {"20261123T023000Z-0a1b2c3d", "20261101T023000Z-ffffffff", "20261130T023000Z-00000000"}) {
    put_drill(*scratch, some_drill(id));
  }
  CHECK_THROWS_AS(put_drill(*scratch, some_drill("20261123T023000Z-0a1b2c3d")), Error);
  scratch.overwrite("clusters/prod/drills/20261129T023000Z-11111111", bytes_of("no object"));
  const auto records = read_drills(*scratch, "prod", 3);
  REQUIRE(records.size() == 2);
  CHECK(records[0].id == "20261123T023000Z-0a1b2c3d");
  CHECK(records[1].id == "20261130T023000Z-00000000");
  CHECK(read_drills(*scratch, "other", 3).empty());
}

TEST_CASE("Names of drills are told from others") {
  CHECK(parse_object_name("clusters/prod/drills/20261123T023000Z-0a1b2c3d").kind == NameKind::drill);
  for (const char* name : {"clusters/prod/drills/20261123T023000Z-0A1B2C3D", "clusters/prod/drills/20261323T023000Z-0a1b2c3d",
                           "clusters/prod/drills/20261123T023000Z", "clusters/prod/drills/20261123T023000Z-0a1b2c3d/x"}) {
    INFO(name);
    CHECK(parse_object_name(name).kind == NameKind::other);
  }
}

}  // namespace drill_record_test
