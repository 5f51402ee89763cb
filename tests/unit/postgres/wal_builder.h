#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/lsn.h"
#include "postgres/crc32c.h"
#include "postgres/wal_records.h"

// WAL made up for tests, from the start of a page on: as PostgreSQL's xloginsert.c lays it out.
namespace pgrecall::testing {

inline constexpr std::uint32_t built_segment_size = 1U << 20U;
inline constexpr std::uint64_t built_page_size = 8192;
inline constexpr std::uint64_t built_system_identifier = 0x1122334455667788;

template <typename T>
std::string little(T value) {
  std::string bytes(sizeof(T), '\0');
  store_little<T>(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}

struct BuiltRecord {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint32_t length = 0;
  bool operator==(const BuiltRecord&) const = default;
};

class WalBuilder {
 public:
  explicit WalBuilder(std::uint64_t start, std::uint16_t magic = 0xD110) : start_(start), magic_(magic) {}

  // One record whose body is `body`; `previous` other than 0 is what it says about the record before.
  const BuiltRecord& add(std::uint8_t manager, std::uint8_t info, std::string_view body, std::uint32_t transaction = 7,
                         std::uint64_t previous = 0) {
    open_page(0, 0);
    BuiltRecord made;
    made.start = next();
    made.length = static_cast<std::uint32_t>(24 + body.size());
    std::string header = little(made.length) + little(transaction) + little(previous != 0 ? previous : previous_) + little(info) +
                         little(manager) + std::string(2, '\0');
    const std::uint32_t crc = crc32c_extend(crc32c(bytes_of(body)), bytes_of(header));
    put(header + little(crc) + std::string(body));
    bytes.resize((bytes.size() + 7) / 8 * 8);
    made.end = next();
    previous_ = made.start;
    records.push_back(made);
    return records.back();
  }
  // A record of heap with `size` bytes of one block's data.
  const BuiltRecord& add_heap(std::size_t size) { return add(10, 0, body_of_heap(size)); }
  // A record so large that the next one starts `room` bytes before its page's end: on this page if there is space, else on the
  // next one.
  void fill_until(std::size_t room) {
    open_page(0, 0);
    std::uint64_t left = built_page_size - next() % built_page_size;
    if (left < room + 24 + 5) {
      left += built_page_size - ((next() + left) % built_segment_size == 0 ? 40 : 24);
    }
    add_heap(static_cast<std::size_t>(left - room - 24 - 5));
  }
  // The switch to the next segment, and the padding.
  const BuiltRecord& add_switch() {
    add(0, 0x40, "", 0);
    bytes.resize(((next() + built_segment_size - 1) / built_segment_size * built_segment_size) - start_);
    records.back().end = next();
    return records.back();
  }
  // The page header, when the next byte is a page's first.
  void open_page(std::uint16_t flags, std::uint32_t rest) {
    if (next() % built_page_size != 0) {
      return;
    }
    const std::uint64_t address = next();
    const bool is_long = address % built_segment_size == 0;
    bytes += little(magic_) + little(static_cast<std::uint16_t>(flags | (is_long ? 2 : 0))) + little(timeline) + little(address) +
             little(rest) + std::string(4, '\0');
    if (is_long) {
      bytes += little(built_system_identifier) + little(built_segment_size) + little(static_cast<std::uint32_t>(built_page_size));
    }
  }
  // The rest of a record that began before.
  void add_foreign(std::size_t size) {
    open_page(1, static_cast<std::uint32_t>(size));
    put(std::string(size, 'f'));
    bytes.resize((bytes.size() + 7) / 8 * 8);
  }
  void set_previous(std::uint64_t previous) { previous_ = previous; }
  [[nodiscard]] std::uint64_t next() const { return start_ + bytes.size(); }
  [[nodiscard]] std::uint64_t start() const { return start_; }

  // A long main data header around data of that size: 24 + 5 + size bytes as a record.
  static std::string body_of_heap(std::size_t size) {
    return '\xFE' + little(static_cast<std::uint32_t>(size)) + std::string(size, 'd');
  }

  std::string bytes;
  std::vector<BuiltRecord> records;
  Timeline timeline = 1;

 private:
  void put(std::string_view content) {
    while (!content.empty()) {
      open_page(1, static_cast<std::uint32_t>(content.size()));
      const std::size_t taken = std::min<std::size_t>(content.size(), built_page_size - next() % built_page_size);
      bytes += content.substr(0, taken);
      content.remove_prefix(taken);
    }
  }

  std::uint64_t start_;
  std::uint16_t magic_;
  std::uint64_t previous_ = 8;
};

// Keeps what the reader reports, with copies of the main data.
class KeptRecords final : public WalRecordSink {
 public:
  void on_record(const WalRecord& record) override {
    records.push_back(record);
    built.push_back({record.start.value, record.end.value, record.length});
    main_data.emplace_back(text_of(record.main_data));
    records.back().main_data = {};
  }
  std::vector<WalRecord> records;
  std::vector<BuiltRecord> built;
  std::vector<std::string> main_data;
};

struct ReadWal {
  KeptRecords kept;
  std::uint64_t position = 0;
  bool ended = false;
};

inline void feed_pieces(WalRecordReader& reader, std::string_view bytes, std::size_t piece) {
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes_of(bytes.substr(at, piece)));
  }
}

inline ReadWal read_wal(std::string_view bytes, std::uint64_t start, WalRecordCrc crc = WalRecordCrc::check,
                        std::size_t piece = std::string::npos / 2, unsigned major_version = 0) {
  ReadWal result;
  WalRecordReader reader({Lsn{start}, built_segment_size, built_page_size, major_version}, crc, result.kept);
  feed_pieces(reader, bytes, piece);
  CHECK(reader.count() == result.kept.records.size());
  result.position = reader.position().value;
  result.ended = reader.ended();
  return result;
}

}  // namespace pgrecall::testing
