#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/lsn.h"
#include "repository/manifest.h"

namespace pgrecall::test {

// What a data directory holds, in memory: enough of one that restore takes it for a cluster. No server would start on it.
struct FakeFile {
  enum class Store {
    bundled,  // many to a chunk
    whole,    // one chunk
    mapped,   // slices and extent maps
  };
  std::string path;
  Bytes content;
  Store store = Store::bundled;
  EntryTree tree = EntryTree::data_directory;
};

struct FakeCluster {
  std::uint64_t system_identifier = 0;  // of the pg_control in it
  std::vector<std::string> directories;
  std::vector<FakeFile> files;

  [[nodiscard]] FakeFile& file(const std::string& path);
};

inline constexpr std::uint32_t fake_page_size = 8192;
inline constexpr std::uint32_t fake_segment_size = 1U << 20U;  // bytes of a WAL segment
inline constexpr std::uint32_t fake_slice_size = 2 * fake_page_size;
inline constexpr Timeline fake_timeline = 2;

// A page as PostgreSQL lays it out, with a little data that depends on `seed`, and a checksum that fits `block`.
[[nodiscard]] Bytes fake_page(std::uint32_t block, Lsn lsn, std::uint64_t seed);
// Pages from block 0 on; those of `seed` 0 are new pages, all zero.
[[nodiscard]] Bytes fake_relation(const std::vector<std::uint64_t>& seeds);
// Files of every kind that a manifest tells apart: bundled, whole, mapped with a hole, zeros, empty, configuration.
[[nodiscard]] FakeCluster fake_cluster();
// A segment as PostgreSQL 15 writes it: a record that reaches into page `pages`, and a switch, behind which it is zeros.
[[nodiscard]] Bytes fake_wal(const FakeCluster& source, const WalSegment& segment, std::size_t pages);

}  // namespace pgrecall::test
