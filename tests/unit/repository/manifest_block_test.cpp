#include <algorithm>

#include "repository/manifest.h"
#include "repository/varint.h"
#include "scratch_repository.h"
#include "synthetic_entries.h"

namespace manifest_block_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

ErrorKind refusal(ByteView payload) {
  const Error error = error_of([&] { (void)decode_manifest_block(payload, "manifest"); });
  CHECK(error.context("object") == "manifest");
  return error.kind();
}

// A block of one file without content, whose path is written as given.
Bytes block_with_paths(const std::vector<std::pair<std::uint64_t, std::string>>& paths) {
  Bytes block;
  for (const std::uint64_t value : {1U, 0U, 0U}) {  // files; no packs; no chunks
    append_varint(block, value);
  }
  append_varint(block, paths.size());
  for (const auto& [shared, rest] : paths) {
    append_varint(block, 1);  // directory
    append_varint(block, 0);
    append_varint(block, shared);
    append_string(block, rest);
    append_varint(block, 0700);
    append_zigzag(block, 0);
  }
  return block;
}

ManifestEntry file(std::uint64_t size, FileContent content) {
  ManifestEntry entry;
  entry.path = "base/1/2";
  entry.mode = 0600;
  entry.size = size;
  entry.content = std::move(content);
  return entry;
}

bool refused_by_writer(const ManifestEntry& entry) {
  return error_of([&] { (void)encode_file_block({entry}); }).kind() == ErrorKind::failed;
}

}  // namespace

TEST_CASE("file blocks come back as they were") {
  Random random(21);
  for (int round = 0; round < 200; ++round) {
    SyntheticEntries synthetic(random());
    std::vector<ManifestEntry> entries;
    for (std::uint64_t i = 0, count = below(random, 60); i < count; ++i) {
      entries.push_back(synthetic.next());
    }
    const ManifestBlock block = decode_manifest_block(encode_file_block(entries), "manifest");
    REQUIRE(std::get<std::vector<ManifestEntry>>(block) == entries);
  }
}

TEST_CASE("the bytes of a file block are those of the specification") {
  ChunkRef chunk;
  chunk.pack.bytes.fill(std::byte{0xaa});
  chunk.offset = 64;
  chunk.body_size = 132;
  chunk.raw_size = 300;
  chunk.digest.bytes.fill(std::byte{0xbb});
  Sha256Digest digest;
  digest.bytes.fill(std::byte{0xcc});
  ManifestEntry directory;
  directory.type = EntryType::directory;
  directory.path = "base";
  directory.mode = 0700;
  directory.mtime = -1;
  ManifestEntry part = file(10, PartContent{chunk, 5, digest});
  ManifestEntry link;
  link.type = EntryType::symbolic_link;
  link.tree = EntryTree::configuration;
  link.path = "base/x";
  link.target = "/y";
  std::string expected = "01";              // files
  expected += "01" + std::string(32, 'a');  // one pack
  expected +=
      "01"
      "00"
      "40"
      "8401"
      "ac02" +
      std::string(64, 'b');  // one chunk
  expected += "03";          // entries
  expected +=
      "01"
      "00"
      "00"
      "04"
      "62617365"
      "c003"
      "01";  // directory base 0700, a second before 1970
  expected +=
      "02"
      "00"
      "04"
      "04"
      "2f312f32"
      "8003"
      "00";  // file: shares "base", then "/1/2"; 0600
  expected +=
      "0a"
      "02"
      "00"
      "05" +
      std::string(64, 'c');  // ten bytes, at 5 of chunk 0
  expected +=
      "03"
      "01"
      "05"
      "01"
      "78"
      "00"
      "00"
      "02"
      "2f79";  // link: shares "base/", then "x"; to "/y"
  CHECK(to_hex(encode_file_block({directory, part, link})) == expected);
}

TEST_CASE("the end block comes back, and has sorted packs only") {
  ManifestTotals totals;
  totals.entries = 1000;
  totals.file_bytes = 1ULL << 50U;
  for (unsigned i = 0; i < 300; ++i) {
    PackId id;
    id.bytes[0] = static_cast<std::byte>(i >> 4U);
    id.bytes[15] = static_cast<std::byte>(i & 15U);
    totals.packs.push_back(id);
  }
  const ManifestTotals back = std::get<ManifestTotals>(decode_manifest_block(encode_end_block(totals), "manifest"));
  CHECK(back.entries == totals.entries);
  CHECK(back.file_bytes == totals.file_bytes);
  CHECK(back.packs == totals.packs);
  std::swap(totals.packs[3], totals.packs[4]);
  CHECK(refusal(encode_end_block(totals)) == ErrorKind::corruption);
  totals.packs[3] = totals.packs[4];
  CHECK(refusal(encode_end_block(totals)) == ErrorKind::corruption);
}

TEST_CASE("blocks cut anywhere, with bytes behind them, or of unknown type are refused") {
  SyntheticEntries synthetic(22);
  std::vector<ManifestEntry> entries;
  for (int i = 0; i < 12; ++i) {
    entries.push_back(synthetic.next());
  }
  for (Bytes block : {encode_file_block(entries), encode_end_block({3, 4, {PackId::random()}})}) {
    for (std::size_t size = 0; size < block.size(); ++size) {
      REQUIRE(refusal(ByteView(block).first(size)) == ErrorKind::corruption);
    }
    block.push_back(std::byte{0});
    CHECK(refusal(block) == ErrorKind::corruption);
    block.pop_back();
    block[0] = std::byte{3};
    CHECK(refusal(block) == ErrorKind::corruption);
  }
}

TEST_CASE("paths that lead elsewhere are neither written nor read") {
  for (const std::string& path : {std::string(), std::string("/etc"), std::string("a//b"), std::string("a/"), std::string("."),
                                  std::string(".."), std::string("../x"), std::string("a/../b"), std::string("a/./b"),
                                  std::string("a/.."), std::string("a\0b", 3), std::string(4097, 'a')}) {
    INFO(path);
    CHECK(refusal(block_with_paths({{0, path}})) == ErrorKind::corruption);
    ManifestEntry entry = file(0, ZeroContent{});
    entry.path = path;
    CHECK(refused_by_writer(entry));
  }
  for (const std::string& path : {std::string("a"), std::string("..."), std::string("a/.b/..c"), std::string(4096, 'a')}) {
    CHECK(std::get<std::vector<ManifestEntry>>(decode_manifest_block(block_with_paths({{0, path}}), "manifest"))[0].path == path);
  }
  CHECK(refusal(block_with_paths({{1, "a"}})) == ErrorKind::corruption);
  CHECK(refusal(block_with_paths({{0, "ab"}, {3, "c"}})) == ErrorKind::corruption);
  CHECK(refusal(block_with_paths({{0, "a"}, {1, "/.."}})) == ErrorKind::corruption);
  CHECK(refusal(block_with_paths({{0, std::string(4096, 'a')}, {4096, "b"}})) == ErrorKind::corruption);
}

TEST_CASE("entries of all trees come back, and of no other tree") {
  constexpr std::size_t tree_at = 5;  // behind type, an empty chunk table, the count and the entry's type
  for (const EntryTree tree : {EntryTree::data_directory, EntryTree::configuration, EntryTree::companion}) {
    ManifestEntry entry = file(0, ZeroContent{});
    entry.tree = tree;
    Bytes block = encode_file_block({entry});
    REQUIRE(block.at(tree_at) == static_cast<std::byte>(tree));
    CHECK(std::get<std::vector<ManifestEntry>>(decode_manifest_block(block, "manifest")).at(0) == entry);
    block[tree_at] = std::byte{3};
    CHECK(refusal(block) == ErrorKind::corruption);
  }
}

TEST_CASE("contents that do not make up the file are refused") {
  Random random(23);
  const ChunkRef chunk = made_up_chunk(random, 1000);
  CHECK_NOTHROW(encode_file_block({file(1000, ChunkContent{chunk})}));
  CHECK(refused_by_writer(file(999, ChunkContent{chunk})));
  CHECK_NOTHROW(encode_file_block({file(400, PartContent{chunk, 600, {}})}));
  CHECK(refused_by_writer(file(401, PartContent{chunk, 600, {}})));
  CHECK(refused_by_writer(file(0, PartContent{chunk, 1001, {}})));
  CHECK_NOTHROW(encode_file_block({file(700, MapsContent{{{chunk, 300}, {chunk, 400}}})}));
  CHECK(refused_by_writer(file(701, MapsContent{{{chunk, 300}, {chunk, 400}}})));
  CHECK(refused_by_writer(file(699, MapsContent{{{chunk, 300}, {chunk, 400}}})));
  CHECK(refused_by_writer(file(700, MapsContent{{{chunk, 300}, {chunk, 0}, {chunk, 400}}})));
  CHECK(refused_by_writer(file(700, MapsContent{{{chunk, UINT64_MAX}, {chunk, 701}}})));
  ManifestEntry entry = file(0, ZeroContent{});
  entry.mode = 010000;
  CHECK(refused_by_writer(entry));
}

TEST_CASE("a block with any byte changed is refused or reads as other entries, within memory") {
  SyntheticEntries synthetic(24);
  std::vector<ManifestEntry> entries;
  for (int i = 0; i < 8; ++i) {
    entries.push_back(synthetic.next());
  }
  const Bytes good = encode_file_block(entries);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(1U << bit);
      try {
        const ManifestBlock block = decode_manifest_block(bad, "manifest");
        if (const auto* back = std::get_if<std::vector<ManifestEntry>>(&block)) {
          REQUIRE_FALSE(*back == entries);
        }
      } catch (const Error& error) {
        REQUIRE(error.kind() == ErrorKind::corruption);
        ++refused;
      }
    }
  }
  CHECK(refused > 0);
}

}  // namespace manifest_block_test
