#include <chrono>

#include "postgres/wal_records.h"
#include "unit/postgres/fixture.h"
#include "unit/postgres/wal_builder.h"

namespace wal_record_contents_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::uint64_t segment_start = 5 * std::uint64_t{built_segment_size};
constexpr std::uint8_t has_xinfo = 0x80;

std::string short_data(std::string_view main) {
  return '\xFF' + little(static_cast<std::uint8_t>(main.size())) + std::string(main);
}
std::string long_data_header(std::size_t size) { return '\xFE' + little(static_cast<std::uint32_t>(size)); }

std::uint16_t magic_of(unsigned major) {
  constexpr std::array<std::uint16_t, 6> magics = {0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118};
  return magics[major - 13];
}

// A block reference without the data that it announces.
struct Block {
  std::uint8_t id = 0;
  std::uint16_t data = 0;
  std::optional<std::uint16_t> image = std::nullopt;
  std::uint8_t image_info = 0;
  bool hole_length = false;
  bool same_relation = false;

  [[nodiscard]] std::string header() const {
    const auto flags = static_cast<std::uint8_t>((image ? 0x10 : 0) | (data != 0 ? 0x20 : 0) | (same_relation ? 0x80 : 0));
    std::string bytes = little(id) + little(flags) + little(data);
    if (image) {
      bytes += little(*image) + little(std::uint16_t{100}) + little(image_info);
    }
    return bytes + std::string(hole_length ? 2 : 0, 'h') + std::string(same_relation ? 0 : 12, 'r') + "blck";
  }
  [[nodiscard]] std::string content() const { return std::string(std::size_t{data} + image.value_or(0), 'b'); }
};

// The record of `body`, read in every way that differs within the reader: whole, byte by byte, and over a page's end.
WalRecord read_one(std::uint8_t manager, std::uint8_t info, const std::string& body, unsigned major, std::string& main_data) {
  std::optional<WalRecord> first;
  for (const std::size_t room : {std::size_t{0}, std::size_t{8}, std::size_t{32}, std::size_t{40}}) {
    WalBuilder wal(segment_start, magic_of(major));
    if (room != 0) {
      wal.fill_until(room);
    }
    wal.add(manager, info, body);
    for (const std::size_t piece : {wal.bytes.size(), std::size_t{1}}) {
      const ReadWal found = read_wal(wal.bytes, segment_start, WalRecordCrc::check, piece);
      REQUIRE(found.kept.built == wal.records);
      if (!first) {
        first = found.kept.records.back();
        main_data = found.kept.main_data.back();
      }
      CHECK(found.kept.main_data.back() == main_data);
      CHECK(found.kept.records.back().prepared_transaction == first->prepared_transaction);
    }
  }
  first->main_data = bytes_of(main_data);
  return *first;
}

std::string main_data_of(const std::string& body, unsigned major = 15) {
  std::string main;
  read_one(1, 0x00, body, major, main);
  return main;
}

Error refusal_of(const std::string& body) {
  WalBuilder wal(segment_start);
  wal.add(1, 0, body);
  return corruption_of([&] { read_wal(wal.bytes, segment_start); });
}

Time server_time(std::int64_t microseconds_since_2000) {
  return Time(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)) + std::chrono::microseconds(microseconds_since_2000);
}

}  // namespace

TEST_CASE("main data is found behind block references, origin and top-level transaction", "[wal_records]") {
  const Block plain{.id = 0, .data = 30};
  const Block image{.id = 1, .data = 0, .image = 5000, .image_info = 0x01};
  const Block same{.id = 32, .data = 700, .same_relation = true};
  const std::string main = "0123456789";
  CHECK(main_data_of("") == "");
  CHECK(main_data_of(short_data(main)) == main);
  CHECK(main_data_of(long_data_header(10) + main) == main);
  CHECK(main_data_of(plain.header() + plain.content()) == "");
  const std::string references = plain.header() + image.header() + same.header() + "\xFDoo" + "\xFCtttt";
  const std::string contents = plain.content() + image.content() + same.content();
  CHECK(main_data_of(references + "\xFF\x0A" + contents + main) == main);
  CHECK(main_data_of(references + long_data_header(10) + contents + main) == main);
}

TEST_CASE("compressed images are told by what their version writes", "[wal_records]") {
  for (unsigned major = 13; major <= 18; ++major) {
    for (const int info : {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09, 0x0B, 0x11, 0x13, 0x10}) {
      INFO(major << " " << info);
      const bool compressed = major < 15 ? (info & 0x02) != 0 : (info & 0x1C) != 0;
      const Block block{.id = 0,
                        .data = 3,
                        .image = 400,
                        .image_info = static_cast<std::uint8_t>(info),
                        .hole_length = compressed && (info & 1) != 0};
      CHECK(main_data_of(block.header() + "\xFF\x04" + block.content() + "main", major) == "main");
    }
  }
}

TEST_CASE("of long main data the first bytes are kept", "[wal_records]") {
  std::string main;
  for (int i = 0; i < 10000; ++i) {
    main += std::to_string(i);
  }
  CHECK(main_data_of(long_data_header(main.size()) + main) == main.substr(0, wal_main_data_head_size));
  // As many references as a record can have, then main data a page away.
  std::string references;
  std::string contents;
  for (std::uint8_t id = 0; id <= 32; ++id) {
    const Block block{.id = id, .data = 300, .image = 10, .image_info = 0x05, .hole_length = true};
    references += block.header();
    contents += block.content();
  }
  references += "\xFDoo\xFCtttt" + long_data_header(main.size());
  CHECK(references.size() == wal_block_references_limit);
  CHECK(main_data_of(references + contents + main) == main.substr(0, wal_main_data_head_size));
}

TEST_CASE("record bodies whose parts do not add up are refused", "[wal_records]") {
  const Block block{.id = 3, .data = 30};
  refusal_of(
      "\xFF\x05"
      "1234");
  refusal_of(
      "\xFF\x03"
      "1234");
  refusal_of(long_data_header(0xFFFFFFFF) + "1234");
  refusal_of("\xFE\x01");
  refusal_of("\xFF");
  refusal_of(
      "\x21"
      "1234567890123456789012345");
  refusal_of(
      "\xFB"
      "12345");
  refusal_of(block.header());
  refusal_of(block.header() + block.header() + block.content() + block.content());  // the same block twice
  refusal_of(block.header() + block.content() + "1");
  std::string endless;
  for (int i = 0; i < 2000; ++i) {
    endless += "\xFDoo";
  }
  refusal_of(endless);
}

TEST_CASE("commits and aborts tell their time and transaction", "[wal_records]") {
  struct Case {
    std::uint8_t info;
    TransactionOutcome outcome;
  };
  for (const Case& given : {Case{0x00, TransactionOutcome::commit}, Case{0x20, TransactionOutcome::abort}}) {
    for (const std::uint8_t flags : {std::uint8_t{0}, has_xinfo}) {
      std::string main;
      const std::string body = short_data(little(std::uint64_t{848'000'123'456'789}) + std::string(flags != 0 ? 40 : 0, 'x'));
      const auto end = decode_transaction_end(read_one(1, given.info | flags, body, 16, main));
      REQUIRE(end.has_value());
      CHECK(end->outcome == given.outcome);
      CHECK(end->transaction == 7);
      CHECK(end->time == server_time(848'000'123'456'789));
      CHECK(format_time(end->time) == "2026-11-14T19:35:23Z");
    }
  }
  std::string main;
  CHECK(decode_transaction_end(read_one(1, 0x00, short_data(little(static_cast<std::uint64_t>(-1))), 16, main))->time ==
        server_time(-1));
  for (const std::uint8_t info :
       {std::uint8_t{0x10}, std::uint8_t{0x50}, std::uint8_t{0x60}}) {  // prepare, assignment, invalidations
    CHECK_FALSE(decode_transaction_end(read_one(1, info, short_data("12345678"), 16, main)).has_value());
  }
  CHECK_FALSE(decode_transaction_end(read_one(0, 0x00, short_data("12345678"), 16, main)).has_value());
  const WalRecord too_short = read_one(1, 0x00, short_data("1234567"), 16, main);
  corruption_of([&] { static_cast<void>(decode_transaction_end(too_short)); });
}

TEST_CASE("the transaction that COMMIT PREPARED ends is found behind arrays of any length", "[wal_records]") {
  const std::string time = little(std::uint64_t{1000});
  const auto counted = [](std::uint32_t count, std::size_t item) { return little(count) + std::string(count * item, '\x5A'); };
  for (const unsigned major : {13U, 15U, 17U, 18U}) {
    for (const std::uint32_t count : {0U, 1U, 400U}) {
      INFO(major << " " << count);
      // database, subtransactions, relations, invalidations, prepared, origin, and statistics from 15
      const std::uint32_t xinfo = 0x3F | 0x80 | (major >= 15 ? 0x100 : 0);
      std::string main = time + little(xinfo) + std::string(8, 'd') + counted(count, 4) + counted(count, 12);
      if (major >= 15) {
        main += counted(count, major >= 18 ? 16 : 12);
      }
      main += counted(count, 16) + little(std::uint32_t{123456789}) + std::string("gid\0", 4) + std::string(16, 'o');
      std::string head;
      const WalRecord commit = read_one(1, 0x30 | has_xinfo, long_data_header(main.size()) + main, major, head);
      CHECK(decode_transaction_end(commit)->outcome == TransactionOutcome::commit_prepared);
      CHECK(decode_transaction_end(commit)->transaction == 123456789);
      CHECK(commit.transaction == 7);
      const WalRecord abort = read_one(1, 0x40 | has_xinfo, long_data_header(main.size()) + main, major, head);
      CHECK(decode_transaction_end(abort)->outcome == TransactionOutcome::abort_prepared);
      CHECK(decode_transaction_end(abort)->time == server_time(1000));
    }
  }
  std::string head;
  const std::string alone = time + little(std::uint32_t{0x10}) + little(std::uint32_t{99});
  CHECK(decode_transaction_end(read_one(1, 0x30 | has_xinfo, short_data(alone), 16, head))->transaction == 99);
  // Without it, the array or the whole record lies.
  for (const std::string& broken : {time + little(std::uint32_t{0x12}) + little(std::uint32_t{0xFFFFFFFF}) + "1234",
                                    time + little(std::uint32_t{0x01}) + "12345678", time}) {
    const WalRecord record = read_one(1, 0x30 | has_xinfo, short_data(broken), 16, head);
    corruption_of([&] { static_cast<void>(decode_transaction_end(record)); });
  }
}

TEST_CASE("restore points tell their name and time", "[wal_records]") {
  std::string main;
  std::string name = "before the upgrade";
  name.resize(64);
  const std::string body = short_data(little(std::uint64_t{5'000'000}) + name);
  const auto point = decode_restore_point(read_one(0, 0x70, body, 18, main));
  REQUIRE(point.has_value());
  CHECK(point->name == "before the upgrade");
  CHECK(point->time == server_time(5'000'000));
  const auto full =
      decode_restore_point(read_one(0, 0x70, short_data(little(std::uint64_t{0}) + std::string(64, 'n')), 18, main));
  CHECK(full->name == std::string(64, 'n'));  // without its zero, which no server writes
  CHECK_FALSE(decode_restore_point(read_one(0, 0x60, body, 18, main)).has_value());
  CHECK_FALSE(decode_restore_point(read_one(1, 0x70, body, 18, main)).has_value());
  const WalRecord too_short = read_one(0, 0x70, short_data(std::string(71, 'n')), 18, main);
  corruption_of([&] { static_cast<void>(decode_restore_point(too_short)); });
}

}  // namespace wal_record_contents_test
