#include "postgres/wal_changes.h"

#include "postgres/heap_page.h"
#include "unit/postgres/fixture.h"
#include "unit/postgres/wal_builder.h"

namespace wal_changes_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

using Kind = WalChangeKind;

constexpr std::uint32_t database = 16000;
constexpr std::uint64_t wal_start = 5 * std::uint64_t{built_segment_size};
constexpr std::uint8_t heap = 10;
constexpr std::uint8_t ends = 1;
constexpr std::uint8_t with_xinfo = 0x80;

RelationNode node(std::uint32_t number) { return {1663, database, number}; }

std::string padded(std::string text, std::size_t size) {
  text.resize(size, '\0');
  return text;
}

std::string bytes_of_node(const RelationNode& relation) {
  return little(relation.tablespace) + little(relation.database) + little(relation.node);
}

// A reference to block 0 of the main fork.
std::string reference(const RelationNode& relation, std::uint16_t data, std::uint32_t block = 0) {
  return std::string("\0\x20", 2) + little(data) + bytes_of_node(relation) + little(block);
}

std::string body(const RelationNode& relation, std::string_view data, std::string_view main) {
  return reference(relation, static_cast<std::uint16_t>(data.size())) + '\xFF' + little(static_cast<std::uint8_t>(main.size())) +
         std::string(data) + std::string(main);
}
std::string main_only(std::string_view main) {
  return '\xFE' + little(static_cast<std::uint32_t>(main.size())) + std::string(main);
}

struct Row {
  std::uint32_t oid = 0;
  std::string name;
  std::uint32_t files = 0;
  char kind = 'r';
  char persistence = 'p';
  std::uint32_t schema = 2200;
  float rows = -1;
};

std::string columns(const Row& row, unsigned major) {
  std::string text = little(row.oid) + padded(row.name, 64) + little(row.schema) + std::string(16, '\1') + little(row.files) +
                     little(std::uint32_t{0}) + std::string(4, '\2') + little(std::bit_cast<std::uint32_t>(row.rows)) +
                     std::string(major >= 18 ? 8 : 4, '\3') + std::string(4, '\4') + std::string(2, '\1');
  return text + row.persistence + row.kind + std::string(40, 'z');
}

// Behind xl_heap_header: flags, size of the tuple's header, and one byte of padding.
std::string tuple_data(const std::string& text) { return std::string("\0\0\0\0\x18", 5) + std::string(1, '\0') + text; }

// WAL of one database, and what the collector tells of it.
class Story {
 public:
  explicit Story(unsigned major, std::uint64_t least_rows = 3)
      : major_(major), least_rows_(least_rows), wal_(wal_start, magic()) {}

  Story& class_insert(std::uint32_t transaction, std::uint16_t number, const Row& row) {
    wal_.add(heap, 0x00, body(node(class_catalog), tuple_data(columns(row, major_)), little(number) + std::string(1, '\0')),
             transaction);
    return *this;
  }
  Story& class_delete(std::uint32_t transaction, std::uint16_t number) {
    return rows_deleted(transaction, class_catalog, 1, number);
  }
  // As log_heap_update does it: what is equal at both ends is left out.
  Story& class_update(std::uint32_t transaction, std::uint16_t from, std::uint16_t to, const Row& before, const Row& after) {
    const std::string old = columns(before, major_);
    const std::string text = columns(after, major_);
    std::size_t prefix = 0;
    while (prefix < text.size() && old[prefix] == text[prefix]) {
      ++prefix;
    }
    std::size_t suffix = 0;
    while (suffix < text.size() - prefix && old[old.size() - 1 - suffix] == text[text.size() - 1 - suffix]) {
      ++suffix;
    }
    const std::string data = little(static_cast<std::uint16_t>(prefix)) + little(static_cast<std::uint16_t>(suffix)) +
                             tuple_data(text.substr(prefix, text.size() - prefix - suffix));
    const std::string main =
        little(transaction) + little(from) + std::string("\0\x60", 2) + little(std::uint32_t{0}) + little(to);
    wal_.add(heap, 0x40, body(node(class_catalog), data, main), transaction);
    return *this;
  }
  Story& rows_deleted(std::uint32_t transaction, std::uint32_t files, int count, std::uint16_t number = 1, char flags = '\0') {
    for (int i = 0; i < count; ++i) {
      const std::string main = little(transaction) + little(number) + '\0' + flags;
      wal_.add(heap, 0x10, body(node(files), "", main), transaction);
    }
    return *this;
  }
  Story& rows_updated(std::uint32_t transaction, std::uint32_t files, int count) {
    for (int i = 0; i < count; ++i) {
      wal_.add(heap, i % 2 == 0 ? 0x20 : 0x40, body(node(files), "data", std::string(14, '\0')), transaction);
    }
    return *this;
  }
  Story& files_made(std::uint32_t transaction, std::uint32_t files) {
    wal_.add(2, 0x10, main_only(bytes_of_node(node(files)) + little(std::uint32_t{0})), transaction);
    return *this;
  }
  Story& truncated(std::uint32_t transaction, std::uint32_t oid) {
    wal_.add(heap, 0x30, main_only(little(database) + little(std::uint32_t{1}) + std::string(4, '\0') + little(oid)),
             transaction);
    return *this;
  }
  Story& add(std::uint8_t manager, std::uint8_t info, const std::string& record_body, std::uint32_t transaction) {
    wal_.add(manager, info, record_body, transaction);
    return *this;
  }
  // A commit (0x00), an abort (0x20), or that of a prepared transaction (0x30, 0x40).
  Story& end(std::uint8_t operation, std::uint32_t transaction, const std::vector<std::uint32_t>& subtransactions = {},
             const std::vector<std::uint32_t>& dropped = {}) {
    const bool prepared = operation >= 0x30;
    std::string main = little(std::uint64_t{1000}) + little(std::uint32_t{prepared ? 0x17U : 0x07U}) + little(database) +
                       little(std::uint32_t{1663}) + little(static_cast<std::uint32_t>(subtransactions.size()));
    for (const std::uint32_t subtransaction : subtransactions) {
      main += little(subtransaction);
    }
    main += little(static_cast<std::uint32_t>(dropped.size()));
    for (const std::uint32_t files : dropped) {
      main += bytes_of_node(node(files));
    }
    wal_.add(ends, operation | with_xinfo, main_only(main + (prepared ? little(transaction) : "")), prepared ? 0 : transaction);
    return *this;
  }

  [[nodiscard]] std::vector<TransactionChanges> read() const {
    std::vector<TransactionChanges> told;
    for (const std::size_t piece : {wal_.bytes.size(), std::size_t{7}}) {  // bodies in one piece, and put together
      told.clear();
      WalChangeCollector fresh({.major_version = major_, .least_rows = least_rows_},
                               [&](TransactionChanges changes) { told.push_back(std::move(changes)); });
      WalRecordReader reader({Lsn{wal_start}, built_segment_size}, WalRecordCrc::check, fresh);
      feed_pieces(reader, wal_.bytes, piece);
      CHECK(fresh.not_understood() == 0);
    }
    return told;
  }
  [[nodiscard]] Lsn last() const { return Lsn{wal_.records.back().start}; }
  [[nodiscard]] Lsn record(std::size_t number) const { return Lsn{wal_.records[number].start}; }

 private:
  [[nodiscard]] std::uint16_t magic() const {
    constexpr std::array<std::uint16_t, 6> magics = {0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118};
    return magics[major_ - 13];
  }

  unsigned major_;
  std::uint64_t least_rows_;
  WalBuilder wal_;
};

constexpr std::uint8_t commit = 0x00;
constexpr std::uint8_t abort_transaction = 0x20;

const std::array<unsigned, 6> majors = {13, 14, 15, 16, 17, 18};

}  // namespace

TEST_CASE("rows are counted by transaction and relation, and told from the least number on", "[wal_changes]") {
  Story story(15);
  story.rows_deleted(70, 20000, 2).rows_updated(71, 20001, 3).rows_deleted(70, 20002, 2).rows_deleted(71, 20000, 2);
  story.rows_deleted(72, 20000, 1).end(commit, 70, {72}).end(commit, 71);
  const auto told = story.read();
  REQUIRE(told.size() == 2);
  CHECK(told[0].transaction == 70);
  REQUIRE(told[0].changes.size() == 1);
  CHECK(told[0].changes[0].kind == Kind::deleted);
  CHECK(told[0].changes[0].relation == node(20000));
  CHECK(told[0].changes[0].rows == 3);  // one of them the subtransaction's
  CHECK(told[0].database == database);
  CHECK(told[0].changes[0].name.empty());
  REQUIRE(told[1].changes.size() == 1);
  CHECK(told[1].changes[0].kind == Kind::updated);
  CHECK(told[1].changes[0].rows == 3);
  CHECK(told[1].start == story.last());
  CHECK(told[1].undone_before == story.last());
}

TEST_CASE("what was aborted, taken back or moved is not deleted", "[wal_changes]") {
  Story story(15);
  story.rows_deleted(70, 20000, 5).end(abort_transaction, 70);
  story.rows_deleted(71, 20000, 5).end(abort_transaction, 71).end(commit, 72);
  story.rows_deleted(73, 20000, 5, 1, '\x08').end(commit, 73);    // of a speculative insertion
  story.rows_deleted(74, 20000, 5, 1, '\x10').end(commit, 74);    // to another partition
  story.rows_deleted(75, first_user_oid - 1, 5).end(commit, 75);  // of a catalog
  story.files_made(76, 20003).rows_deleted(76, 20003, 5).end(commit, 76);
  const auto told = story.read();
  REQUIRE(told.size() == 1);
  CHECK(told[0].transaction == 74);
  CHECK(told[0].changes[0].kind == Kind::updated);
}

TEST_CASE("dropped relations are told by their rows in pg_class", "[wal_changes]") {
  for (const unsigned major : majors) {
    INFO(major);
    Story story(major);
    const Row table{.oid = 30000, .name = "orders", .files = 30001, .rows = 5000};
    story.class_insert(60, 1, table).class_insert(60, 2, {.oid = 30002, .name = "orders_pkey", .files = 30002, .kind = 'i'});
    story.class_insert(60, 3, {.oid = 30003, .name = "pg_toast_30000", .files = 30003, .kind = 't', .schema = 99});
    story.class_insert(60, 4, {.oid = 30004, .name = "temporary", .files = 30004, .persistence = 't'}).end(commit, 60);
    story.class_delete(61, 4).end(commit, 61);  // has no files that all can see
    story.class_delete(62, 1).class_delete(62, 2).class_delete(62, 3).end(commit, 62, {}, {30001, 30002, 30003});
    const auto told = story.read();
    REQUIRE(told.size() == 1);
    CHECK(told[0].transaction == 62);
    CHECK(told[0].dependents == 2);
    REQUIRE(told[0].changes.size() == 1);
    const WalChange& change = told[0].changes[0];
    CHECK(change.kind == Kind::dropped);
    CHECK(change.oid == 30000);
    CHECK(change.schema == "public");
    CHECK(change.name == "orders");
    CHECK(change.relation == node(30001));
    CHECK(change.relation_kind == 'r');
    CHECK(change.estimated == 5000.0);
  }
}

TEST_CASE("a lone index is told, and one that was rebuilt is not", "[wal_changes]") {
  Story story(17);
  story.class_insert(60, 1, {.oid = 30002, .name = "by_name", .files = 30002, .kind = 'i'});
  story.class_insert(60, 2, {.oid = 30003, .name = "by_date_ccold", .files = 30003, .kind = 'i'}).end(commit, 60);
  story.class_delete(61, 1).end(commit, 61, {}, {30002}).class_delete(62, 2).end(commit, 62, {}, {30003});
  const auto told = story.read();
  REQUIRE(told.size() == 1);
  CHECK(told[0].changes[0].name == "by_name");
}

TEST_CASE("new files under the same row are TRUNCATE, unless the table was rewritten or moved", "[wal_changes]") {
  for (const unsigned major : majors) {
    INFO(major);
    Story story(major);
    const Row before{.oid = 30000, .name = "log", .files = 30001};
    Row after = before;
    after.files = 0x10000 + 30001;  // two bytes of it are equal, and belong to what is left out
    story.class_insert(60, 1, before).end(commit, 60);
    story.files_made(61, after.files).class_update(61, 1, 2, before, after).end(commit, 61, {}, {30001});
    Row rewritten = after;
    rewritten.files = 40000;
    const Row transient{.oid = 40000, .name = "pg_temp_30000", .files = 40000};
    Row swapped = transient;
    swapped.files = after.files;
    story.files_made(62, 40000).class_insert(62, 3, transient).class_update(62, 2, 4, after, rewritten);
    story.class_update(62, 3, 5, transient, swapped).class_delete(62, 5).end(commit, 62, {}, {after.files});
    const auto told = story.read();
    REQUIRE(told.size() == 1);
    CHECK(told[0].transaction == 61);
    REQUIRE(told[0].changes.size() == 1);
    CHECK(told[0].changes[0].kind == Kind::truncated);
    CHECK(told[0].changes[0].name == "log");
    CHECK(told[0].changes[0].relation == node(30001));
  }
}

TEST_CASE("without its row, a relation whose files go was dropped or truncated", "[wal_changes]") {
  Story story(15);
  story.class_delete(61, 9).end(commit, 61, {}, {30001});
  story.files_made(62, 30002).end(commit, 62, {}, {30002});  // made and dropped
  const auto told = story.read();
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].changes.size() == 1);
  CHECK(told[0].changes[0].kind == Kind::dropped_or_truncated);
  CHECK(told[0].changes[0].relation == node(30001));
  CHECK(told[0].changes[0].oid == 0);
}

TEST_CASE("TRUNCATE says which tables where WAL is for logical decoding", "[wal_changes]") {
  Story story(15);
  story.truncated(61, 30000).files_made(61, 30009).end(commit, 61, {}, {30001});
  const auto told = story.read();
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].changes.size() == 1);
  CHECK(told[0].changes[0].kind == Kind::truncated);
  CHECK(told[0].changes[0].oid == 30000);
}

TEST_CASE("a prepared transaction is told when it is committed, and outlives a restart", "[wal_changes]") {
  Story story(15);
  story.rows_deleted(70, 20000, 3).add(ends, 0x10, main_only(std::string(80, '\0')), 70);
  story.rows_deleted(71, 20000, 3).add(0, 0x00, main_only(std::string(88, '\0')), 0);  // a checkpoint at shutdown
  story.end(commit, 71).end(0x30, 70);
  const auto told = story.read();
  REQUIRE(told.size() == 1);
  CHECK(told[0].transaction == 70);
}

TEST_CASE("what was locked is brought back by ending before it was prepared", "[wal_changes]") {
  Story story(15);
  story.class_insert(60, 1, {.oid = 30000, .name = "orders", .files = 30001}).end(commit, 60).class_delete(70, 1);
  story.add(ends, 0x10, main_only(std::string(80, '\0')), 70).end(0x30, 70, {}, {30001});
  story.rows_deleted(71, 20000, 3).add(ends, 0x10, main_only(std::string(80, '\0')), 71).end(0x30, 71);
  const auto told = story.read();
  REQUIRE(told.size() == 2);
  CHECK(told[0].locks);
  CHECK(told[0].undone_before == story.record(3));
  CHECK_FALSE(told[1].locks);
  CHECK(told[1].undone_before == told[1].start);
}

TEST_CASE("a dropped database is brought back by ending before its transaction", "[wal_changes]") {
  for (const unsigned major : majors) {
    INFO(major);
    const RelationNode shared{1664, 0, database_catalog};
    std::string row = little(std::uint32_t{50000}) + padded("sales", 64) + std::string(major < 15 ? 140 : 12, '\1') +
                      little(std::uint32_t{0xFFFFFFFF});
    row += std::string(40, 'x');
    std::string marked = row;
    store_at<std::uint32_t>(marked, major < 15 ? 208 : 80, static_cast<std::uint32_t>(invalid_database_limit));
    const std::string drop = main_only(little(std::uint32_t{50000}) + little(std::uint32_t{1}) + little(std::uint32_t{1663}));
    const std::uint8_t drop_info = major < 15 ? 0x10 : 0x20;
    const std::string removal = body(shared, "", little(std::uint32_t{70}) + little(std::uint16_t{4}) + std::string(2, '\0'));
    Story story(major);
    story.add(heap, 0x00, body(shared, tuple_data(row), little(std::uint16_t{4}) + std::string(1, '\0')), 60).end(commit, 60);
    story.add(heap, 0x70, body(shared, marked, little(std::uint16_t{4})), 0);  // belongs to no transaction
    story.add(heap, 0x10, removal, 70).rows_deleted(71, 20000, 1).add(4, drop_info, drop, 70).end(commit, 70);
    story.add(4, drop_info, drop, 72).end(commit, 72);  // no row went: its tablespace was changed
    const auto told = story.read();
    REQUIRE(told.size() == 1);
    REQUIRE(told[0].changes.size() == 1);
    CHECK(told[0].changes[0].kind == Kind::dropped_database);
    CHECK(told[0].changes[0].name == "sales");
    CHECK(told[0].changes[0].oid == 50000);
    CHECK(told[0].database_name == "sales");
    CHECK(told[0].undone_before == story.record(2));
  }
}

TEST_CASE("a page that is written whole brings the names of its rows", "[wal_changes]") {
  const Row row{.oid = 30000, .name = "orders", .files = 30001};
  const std::string tuple = std::string(22, '\0') + '\x18' + '\0' + columns(row, 16);
  std::string page(built_page_size, '\0');
  const std::size_t at = page.size() - tuple.size();
  page.replace(at, tuple.size(), tuple);
  store_at<std::uint16_t>(page, 12, 28);
  store_at<std::uint32_t>(page, 24, static_cast<std::uint32_t>(at | (1U << 15U) | (tuple.size() << 17U)));
  const std::string image = page.substr(0, 28) + page.substr(at);
  // With a hole from 28 on, and to be applied.
  const std::string header = std::string("\0\x10", 2) + little(std::uint16_t{0}) +
                             little(static_cast<std::uint16_t>(image.size())) + little(std::uint16_t{28}) + '\x03' +
                             bytes_of_node(node(class_catalog)) + little(std::uint32_t{0});
  for (const auto& [manager, info] : {std::pair<std::uint8_t, std::uint8_t>{0, 0xB0}, {9, 0x20}}) {
    Story story(16);
    story.add(manager, info, header + image, 0).class_delete(62, 1).end(commit, 62, {}, {30001});
    const auto told = story.read();
    REQUIRE(told.size() == 1);
    CHECK(told[0].changes[0].kind == Kind::dropped);
    CHECK(told[0].changes[0].name == "orders");
  }
}

TEST_CASE("catalogs are followed to where pg_filenode.map says", "[wal_changes]") {
  std::string map =
      little(std::uint32_t{0x592717}) + little(std::uint32_t{1}) + little(class_catalog) + little(std::uint32_t{55555});
  for (const std::size_t mappings : {std::size_t{62}, std::size_t{64}}) {
    map.resize(8 + mappings * 8);
    const std::string whole = map + little(crc32c(bytes_of(map)));
    const auto parsed = parse_relation_map(bytes_of(whole));
    REQUIRE(parsed);
    CHECK(*parsed == RelationMap{{class_catalog, 55555}});
    std::string wrong = whole;
    wrong[12] ^= 1;
    CHECK_FALSE(parse_relation_map(bytes_of(wrong)));
    Story story(15);
    story.add(7, 0x00, main_only(little(database) + little(std::uint32_t{1663}) + little(std::uint32_t{512}) + whole), 59)
        .end(commit, 59, {}, {1259});
    story.class_delete(62, 1).end(commit, 62, {}, {30001});  // not in pg_class any more
    const auto told = story.read();
    REQUIRE(told.size() == 1);
    CHECK(told[0].transaction == 62);
    CHECK(told[0].changes[0].name.empty());
  }
}

TEST_CASE("records that cannot be read are counted", "[wal_changes]") {
  WalBuilder wal(wal_start);
  wal.add(heap, 0x10, body(node(20000), "", "short"), 70);
  wal.add(7, 0x00, main_only("abc"), 70);
  wal.add(2, 0x10, main_only("abc"), 70);
  WalChangeCollector collector({.major_version = 15}, [](const TransactionChanges&) { FAIL("nothing to tell"); });
  WalRecordReader reader({Lsn{wal_start}, built_segment_size}, WalRecordCrc::check, collector);
  reader.feed(bytes_of(wal.bytes));
  CHECK(collector.not_understood() == 2);
}

}  // namespace wal_changes_test
