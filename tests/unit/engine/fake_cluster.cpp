#include "unit/engine/fake_cluster.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "postgres/control_file.h"
#include "postgres/page.h"
#include "unit/postgres/wal_builder.h"

namespace pgrecall::test {

namespace {

// PageHeaderData of src/include/storage/bufpage.h.
constexpr std::size_t page_checksum_offset = 8;
constexpr std::uint16_t page_header_end = 24;
constexpr std::uint16_t page_layout_version = 4;
constexpr std::uint16_t wal_magic_15 = 0xD110;

// A control file that a real server 15 wrote.
Bytes real_control_file() {
  std::ifstream file(PGRECALL_POSTGRES_DATA "/15/pg_control", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

Bytes text_bytes(std::string_view text) {
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

FakeFile& FakeCluster::file(const std::string& path) {
  const auto at = std::ranges::find(files, path, &FakeFile::path);
  if (at == files.end()) {
    throw std::out_of_range("the fake cluster has no file " + path);
  }
  return *at;
}

Bytes fake_page(std::uint32_t block, Lsn lsn, std::uint64_t seed) {
  Bytes page(fake_page_size);
  store_little<std::uint32_t>(page.data(), static_cast<std::uint32_t>(lsn.value >> 32U));
  store_little<std::uint32_t>(page.data() + 4, static_cast<std::uint32_t>(lsn.value));
  constexpr std::size_t data_size = 96;
  store_little<std::uint16_t>(page.data() + 12, page_header_end);
  store_little<std::uint16_t>(page.data() + 14, static_cast<std::uint16_t>(fake_page_size - data_size));
  store_little<std::uint16_t>(page.data() + 16, static_cast<std::uint16_t>(fake_page_size));
  store_little<std::uint16_t>(page.data() + 18, static_cast<std::uint16_t>(fake_page_size | page_layout_version));
  std::mt19937_64 random(seed);
  for (std::size_t at = fake_page_size - data_size; at < fake_page_size; at += 8) {
    store_little<std::uint64_t>(page.data() + at, random());
  }
  store_little<std::uint16_t>(page.data() + page_checksum_offset, page_checksum(page, block));
  return page;
}

Bytes fake_relation(const std::vector<std::uint64_t>& seeds) {
  Bytes bytes;
  for (std::uint32_t block = 0; block < seeds.size(); ++block) {
    const Bytes page = seeds[block] == 0 ? Bytes(fake_page_size) : fake_page(block, Lsn{0x1000}, seeds[block]);
    bytes.insert(bytes.end(), page.begin(), page.end());
  }
  return bytes;
}

FakeCluster fake_cluster() {
  using Store = FakeFile::Store;
  const Bytes control = real_control_file();
  return {.system_identifier = parse_control_file(control).system_identifier,
          .directories = {"base", "base/5", "global", "pg_wal"},
          .files = {{.path = "PG_VERSION", .content = text_bytes("15\n")},
                    {.path = "backup_label", .content = text_bytes("START WAL LOCATION: 0/300028\n")},
                    {.path = "base/5/1259", .content = fake_relation({1, 2})},
                    {.path = "base/5/1259_fsm", .content = Bytes(fake_page_size)},
                    {.path = "base/5/16384", .content = fake_relation({3, 4, 5, 6, 0, 0, 7}), .store = Store::mapped},
                    {.path = "base/5/16390", .content = fake_relation({8, 9}), .store = Store::whole},
                    {.path = "base/5/16400", .content = {}},
                    {.path = "global/pg_control", .content = control},
                    {.path = "etc/postgresql.conf", .content = text_bytes("port = 5432\n"), .tree = EntryTree::configuration},
                    {.path = "vault/pgsodium_root.key", .content = text_bytes("k"), .tree = EntryTree::companion}}};
}

Bytes fake_wal(const FakeCluster& source, const WalSegment& segment, std::size_t pages) {
  constexpr std::size_t system_identifier_offset = 24;
  testing::WalBuilder builder(segment.start().value, wal_magic_15);
  builder.timeline = segment.timeline;
  builder.add_heap((pages - 1) * fake_page_size + segment.number % 100);
  builder.add_switch();
  const ByteView built = bytes_of(builder.bytes);
  Bytes bytes(built.begin(), built.end());
  store_little<std::uint64_t>(bytes.data() + system_identifier_offset, source.system_identifier);
  return bytes;
}

}  // namespace pgrecall::test
