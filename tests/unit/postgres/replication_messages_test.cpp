#include "postgres/replication_messages.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

#include "base/error.h"

namespace replication_messages_test {

using namespace pgrecall;
using namespace std::string_literals;

namespace {

Bytes hex(std::string_view digits) {
  Bytes bytes(digits.size() / 2);
  REQUIRE(from_hex(digits, bytes));
  return bytes;
}

template <typename T>
T decode_backup(std::string_view message) {
  return std::get<T>(decode_backup_message(bytes_of(message)));
}

bool refuses(const auto& decode) {
  try {
    static_cast<void>(decode());
  } catch (const Error& error) {
    return error.kind() == ErrorKind::database_unreachable;
  }
  return false;
}

bool refuses_backup(std::string_view message) {
  return refuses([&] { return decode_backup_message(bytes_of(message)); });
}

using Row = std::vector<std::optional<std::string_view>>;

}  // namespace

TEST_CASE("the data directory's archive begins") {
  const auto message = "nbase.tar\0\0"s;
  const auto begin = decode_backup<ArchiveBegin>(message);
  CHECK(begin.tablespace_oid == 0);
  CHECK(begin.name == "base.tar");
  CHECK(begin.location.empty());
}

TEST_CASE("a tablespace's archive begins") {
  const auto message = "n16385.tar\0/srv/space one\0"s;
  const auto begin = decode_backup<ArchiveBegin>(message);
  CHECK(begin.tablespace_oid == 16385);
  CHECK(begin.location == "/srv/space one");
}

TEST_CASE("archives with broken names are refused") {
  CHECK(refuses_backup("nbase.tar\0"s));
  CHECK(refuses_backup("nbase.tar"s));
  CHECK(refuses_backup("nbase.tar\0\0x"s));
  CHECK(refuses_backup("n0.tar\0/x\0"s));
  CHECK(refuses_backup("n-1.tar\0/x\0"s));
  CHECK(refuses_backup("n4294967296.tar\0/x\0"s));
  CHECK(refuses_backup("n16385x.tar\0/x\0"s));
  CHECK(refuses_backup("n\0\0"s));
}

TEST_CASE("archive bytes are the message without its type, in place") {
  const auto message = "dabc"s;
  const auto data = decode_backup<ArchiveBytes>(message);
  CHECK(text_of(data.bytes) == "abc");
  CHECK(static_cast<const void*>(data.bytes.data()) == message.data() + 1);
  CHECK(decode_backup<ArchiveBytes>("d"s).bytes.empty());
}

TEST_CASE("manifest and progress messages have their length") {
  CHECK_NOTHROW(decode_backup<ManifestBegin>("m"s));
  CHECK(refuses_backup("mx"s));
  CHECK(decode_backup<BackupProgress>("p\0\0\0\0\0\1\0\2"s).bytes == 65538);
  CHECK(refuses_backup("p\0\0\0\0\0\1\0"s));
  CHECK(refuses_backup("p\0\0\0\0\0\1\0\2\0"s));
}

TEST_CASE("unknown and empty messages are refused") {
  CHECK(refuses_backup(""s));
  CHECK(refuses_backup("x"s));
  CHECK(refuses([] { return decode_stream_message({}); }));
  CHECK(refuses([] { return decode_stream_message(bytes_of("r")); }));
}

TEST_CASE("WAL carries its place, the server's end and time") {
  // 2026-11-23T02:30:00Z is 848716200 s after 2000-01-01.
  const Bytes message =
      hex("77"
          "0000001600000028"
          "00000016b374d848"
          "000303e7239dba00"
          "d116");
  const auto wal = std::get<WalBytes>(decode_stream_message(message));
  CHECK(wal.start.to_string() == "16/28");
  CHECK(wal.server_end.to_string() == "16/B374D848");
  CHECK(format_time(wal.server_time) == "2026-11-23T02:30:00Z");
  CHECK(to_hex(wal.bytes) == "d116");
}

TEST_CASE("WAL shorter than its header or beyond the last LSN is refused") {
  const std::string header = "77000000160000002800000016b374d8480003";
  CHECK(refuses([&] { return decode_stream_message(hex(header + "03e7239dba")); }));
  CHECK_NOTHROW(decode_stream_message(hex(header + "03e7239dba00")));
  CHECK(refuses([] { return decode_stream_message(hex("77fffffffffffffffe00000000000000000000000000000000aabb")); }));
}

TEST_CASE("a keepalive says whether it wants an answer") {
  const auto asks = std::get<Keepalive>(decode_stream_message(hex("6b00000016b374d848000303e7239dba0001")));
  CHECK(asks.server_end.to_string() == "16/B374D848");
  CHECK(format_time(asks.server_time) == "2026-11-23T02:30:00Z");
  CHECK(asks.reply_requested);
  CHECK_FALSE(std::get<Keepalive>(decode_stream_message(hex("6b00000016b374d848000303e7239dba0000"))).reply_requested);
  CHECK(refuses([] { return decode_stream_message(hex("6b00000016b374d848000303e7239dba00")); }));
  CHECK(refuses([] { return decode_stream_message(hex("6b00000016b374d848000303e7239dba000000")); }));
}

TEST_CASE("a status update reports what is durable as written, flushed and applied") {
  const Time now = parse_time("2026-11-23T02:30:00Z").value();
  CHECK(to_hex(encode_status_update(Lsn{0x16B374D848}, now, Reply::not_needed)) ==
        "7200000016b374d84800000016b374d84800000016b374d848000303e7239dba0000");
  CHECK(encode_status_update(Lsn{1}, now, Reply::requested).back() == std::byte{1});
}

TEST_CASE("times far out of range are clamped") {
  const auto largest = std::numeric_limits<std::int64_t>::max();
  CHECK(time_of_server(largest).time_since_epoch().count() == largest);
  CHECK(server_time_of(time_of_server(0)) == 0);
  CHECK(time_of_server(0) == parse_time("2000-01-01T00:00:00Z").value());
  CHECK(server_time_of(Time(std::chrono::microseconds(std::numeric_limits<std::int64_t>::min()))) ==
        std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("the identity of a system") {
  const auto with_database = decode_system_identity(Row{"7711276834718570536", "3", "16/B374D848", "postgres"});
  CHECK(with_database.system_identifier == 7711276834718570536ULL);
  CHECK(with_database.timeline == 3);
  CHECK(with_database.flushed == Lsn{0x16B374D848});
  CHECK(with_database.database == "postgres");
  CHECK_FALSE(decode_system_identity(Row{"1", "1", "0/1", std::nullopt}).database);
  CHECK_FALSE(decode_system_identity(Row{"1", "1", "0/1"}).database);
  CHECK(refuses([] { return decode_system_identity(Row{"1", "0", "0/1", std::nullopt}); }));
  CHECK(refuses([] { return decode_system_identity(Row{"", "1", "0/1", std::nullopt}); }));
  CHECK(refuses([] { return decode_system_identity(Row{"1", "1", std::nullopt, std::nullopt}); }));
  CHECK(refuses([] { return decode_system_identity(Row{"1", "1", "01", std::nullopt}); }));
  CHECK(refuses([] { return decode_system_identity(Row{"1", "1"}); }));
}

TEST_CASE("positions come as (LSN, timeline) from backups and as (timeline, LSN) from streams") {
  CHECK(decode_backup_position(Row{"0/2000028", "2"}).lsn == Lsn{0x2000028});
  CHECK(decode_backup_position(Row{"0/2000028", "2"}).timeline == 2);
  CHECK(decode_next_timeline(Row{"2", "0/3000000"}).timeline == 2);
  CHECK(decode_next_timeline(Row{"2", "0/3000000"}).lsn == Lsn{0x3000000});
  CHECK(refuses([] { return decode_backup_position(Row{"2", "0/3000000"}); }));
  CHECK(refuses([] { return decode_next_timeline(Row{"4294967296", "0/3000000"}); }));
}

TEST_CASE("tablespaces of a backup") {
  const auto space = decode_tablespace(Row{"16385", "/srv/space", "12"});
  CHECK(space.oid == 16385);
  CHECK(space.location == "/srv/space");
  CHECK(space.size_bytes == 12288);
  const auto data_directory = decode_tablespace(Row{std::nullopt, std::nullopt, std::nullopt});
  CHECK(data_directory.oid == 0);
  CHECK_FALSE(data_directory.size_bytes);
  CHECK(refuses([] { return decode_tablespace(Row{"16385", std::nullopt, "12"}); }));
  CHECK(refuses([] { return decode_tablespace(Row{"16385", "", "12"}); }));
  CHECK(refuses([] { return decode_tablespace(Row{"0", "/x", "12"}); }));
  CHECK(refuses([] { return decode_tablespace(Row{"16385", "/x", "-1"}); }));
  CHECK(refuses([] { return decode_tablespace(Row{"16385", "/x", "18014398509481984"}); }));
  CHECK(refuses([] { return decode_tablespace(Row{"16385", "/x"}); }));
}

TEST_CASE("sizes as SHOW prints them") {
  CHECK(decode_shown_size("16MB") == 16U << 20U);
  CHECK(decode_shown_size("1GB") == 1U << 30U);
  CHECK(decode_shown_size("64kB") == 65536);
  CHECK(decode_shown_size("8192") == 8192);
  CHECK(decode_shown_size("2TB") == 2ULL << 40U);
  CHECK(decode_shown_size("10B") == 10);
  CHECK_FALSE(decode_shown_size(""));
  CHECK_FALSE(decode_shown_size("MB"));
  CHECK_FALSE(decode_shown_size("16mb"));
  CHECK_FALSE(decode_shown_size("-1"));
  CHECK_FALSE(decode_shown_size("18446744073709551615kB"));
}

}  // namespace replication_messages_test
