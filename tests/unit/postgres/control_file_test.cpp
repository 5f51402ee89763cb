#include "postgres/control_file.h"

#include <array>
#include <ctime>

#include "postgres/crc32c.h"
#include "unit/postgres/fixture.h"

namespace control_file_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

// What the server itself says about the file, through pg_control_system() and its siblings.
void check_against_server(const ControlFile& control, const std::map<std::string, std::string>& server) {
  CHECK(std::to_string(control.system_identifier) == server.at("system_identifier"));
  CHECK(std::to_string(control.control_version) == server.at("pg_control_version"));
  CHECK(std::to_string(control.catalog_version) == server.at("catalog_version_no"));
  CHECK(control.checkpoint.to_string() == server.at("checkpoint_lsn"));
  CHECK(control.redo.to_string() == server.at("redo_lsn"));
  CHECK(std::to_string(control.timeline) == server.at("timeline_id"));
  CHECK(std::to_string(control.previous_timeline) == server.at("prev_timeline_id"));
  CHECK(control.min_recovery_point.to_string() == server.at("min_recovery_end_lsn"));
  CHECK(std::to_string(control.min_recovery_timeline) == server.at("min_recovery_end_timeline"));
  CHECK(control.backup_start.to_string() == server.at("backup_start_lsn"));
  CHECK(control.backup_end.to_string() == server.at("backup_end_lsn"));
  CHECK((control.backup_end_required ? "t" : "f") == server.at("end_of_backup_record_required"));
  CHECK(std::to_string(control.block_size) == server.at("database_block_size"));
  CHECK(std::to_string(control.blocks_per_segment) == server.at("blocks_per_segment"));
  CHECK(std::to_string(control.wal_block_size) == server.at("wal_block_size"));
  CHECK(std::to_string(control.wal_segment_size) == server.at("bytes_per_wal_segment"));
  CHECK(std::to_string(control.data_checksum_version) == server.at("data_page_checksum_version"));
}

// As the server prints a time: "2026-11-23 08:02:09+00".
std::string server_time(std::chrono::sys_seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S+00", &parts)};
}

std::string with_crc(std::string bytes, std::size_t crc_offset) {
  store_at<std::uint32_t>(bytes, crc_offset, crc32c(bytes_of(bytes).first(crc_offset)));
  return bytes;
}

}  // namespace

TEST_CASE("pg_control of every version says what its server says", "[control_file]") {
  for (unsigned major = 13; major <= 18; ++major) {
    INFO(major);
    const std::string folder = std::to_string(major);
    const std::string bytes = read_fixture(folder + "/pg_control");
    REQUIRE(bytes.size() == control_file_size);
    const ControlFile control = parse_control_file(bytes_of(bytes));
    const auto server = read_values(folder + "/pg_control.txt");
    check_against_server(control, server);
    CHECK(control.major_version() == major);
    CHECK(control.state == ClusterState::in_production);
    CHECK(control.has_data_checksums());
    CHECK(server_time(control.time) == server.at("pg_control_last_modified"));
    CHECK(server_time(control.checkpoint_time) == server.at("checkpoint_time"));
    // These the fixtures' servers were configured with.
    CHECK(control.max_connections == 30 + major);
    CHECK(control.max_worker_processes == 10 + major);
    CHECK(control.max_wal_senders == 5);
    CHECK(control.max_prepared_transactions == major);
    CHECK(control.max_locks_per_transaction == 100 + major);
  }
}

TEST_CASE("pg_control of a standby and of a stopped server", "[control_file]") {
  const ControlFile standby = parse_control_file(bytes_of(read_fixture("16/standby_pg_control")));
  check_against_server(standby, read_values("16/standby_pg_control.txt"));
  CHECK(standby.min_recovery_point.valid());
  CHECK(standby.state == ClusterState::in_archive_recovery);
  CHECK(name(standby.state) == "in archive recovery");
  CHECK(parse_control_file(bytes_of(read_fixture("14/shut_down_pg_control"))).state == ClusterState::shut_down);
}

TEST_CASE("what follows the structure in pg_control does not matter", "[control_file]") {
  CHECK(parse_control_file(bytes_of(read_fixture("18/pg_control")).first(296)).catalog_version == 202506291);
  CHECK(parse_control_file(bytes_of(read_fixture("13/pg_control")).first(292)).catalog_version == 202007201);
}

TEST_CASE("every flipped byte of pg_control is found", "[control_file]") {
  for (const auto& [name, size] : {std::pair{"13/pg_control", 292}, std::pair{"18/pg_control", 296}}) {
    const std::string bytes = read_fixture(name);
    for (int at = 0; at < size; ++at) {
      std::string flipped = bytes;
      flipped[static_cast<std::size_t>(at)] = static_cast<char>(~flipped[static_cast<std::size_t>(at)]);
      INFO(name << " byte " << at);
      corruption_of([&] { return parse_control_file(bytes_of(flipped)); });
    }
  }
}

TEST_CASE("a pg_control that is cut off is refused", "[control_file]") {
  const std::string bytes = read_fixture("18/pg_control");
  for (const std::size_t size : {0U, 11U, 12U, 200U, 291U, 292U, 295U}) {
    corruption_of([&] { return parse_control_file(bytes_of(bytes).first(size)); });
  }
}

TEST_CASE("impossible values in pg_control are refused even under a right CRC", "[control_file]") {
  const std::string bytes = read_fixture("15/pg_control");
  constexpr std::size_t crc_offset = 288;
  for (const auto& [offset, field] : {std::pair{216, "block_size"}, std::pair{220, "blocks_per_segment"},
                                      std::pair{224, "wal_block_size"}, std::pair{228, "wal_segment_size"}}) {
    std::string forged = bytes;
    store_at<std::uint32_t>(forged, static_cast<std::size_t>(offset), 0);
    const Error error = corruption_of([&] { return parse_control_file(bytes_of(with_crc(forged, crc_offset))); });
    CHECK(error.context("field") == field);
  }
  std::string forged = bytes;
  store_at<std::uint32_t>(forged, 16, 7);
  const Error error = corruption_of([&] { return parse_control_file(bytes_of(with_crc(forged, crc_offset))); });
  CHECK(error.context("field") == "state");
}

TEST_CASE("pg_control of other versions and byte orders is told apart", "[control_file]") {
  std::string bytes = read_fixture("15/pg_control");
  store_at<std::uint32_t>(bytes, 8, 1201);
  CHECK(corruption_of([&] { return parse_control_file(bytes_of(bytes)); }).context("found") == "1201");
  store_at<std::uint32_t>(bytes, 8, 0x14050000);  // 1300 in the other order
  CHECK_THAT(corruption_of([&] { return parse_control_file(bytes_of(bytes)); }).message(), Catch::Contains("byte order"));
  CHECK_FALSE(major_for_catalog_version(202306141).has_value());
}

}  // namespace control_file_test
