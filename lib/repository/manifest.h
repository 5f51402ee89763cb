#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/temporary_file.h"
#include "repository/chunk.h"
#include "repository/repository.h"

namespace pgrecall {

// docs/repository-format.md, "Manifests".

enum class EntryType : std::uint8_t { directory = 1, file = 2, symbolic_link = 3 };
enum class EntryTree : std::uint8_t { data_directory = 0, configuration = 1, companion = 2 };

struct ZeroContent {
  auto operator<=>(const ZeroContent&) const = default;
};
// The file is the whole chunk.
struct ChunkContent {
  ChunkRef chunk;
  auto operator<=>(const ChunkContent&) const = default;
};
// The file is part of a chunk that it shares with others.
struct PartContent {
  ChunkRef chunk;
  std::uint32_t offset = 0;
  Sha256Digest digest;  // of the file
  auto operator<=>(const PartContent&) const = default;
};
// The file's ranges, in order, each with the chunk that holds its extent map.
struct MapRange {
  ChunkRef map;
  std::uint64_t length = 0;
  auto operator<=>(const MapRange&) const = default;
};
struct MapsContent {
  std::vector<MapRange> ranges;
  auto operator<=>(const MapsContent&) const = default;
};
using FileContent = std::variant<ZeroContent, ChunkContent, PartContent, MapsContent>;

struct ManifestEntry {
  EntryType type = EntryType::file;
  EntryTree tree = EntryTree::data_directory;
  std::string path;        // at most 4096 bytes
  std::uint32_t mode = 0;  // permission bits
  std::int64_t mtime = 0;  // seconds since 1970
  std::string target;      // of a symbolic link
  std::uint64_t size = 0;  // bytes, of a file
  FileContent content;

  bool operator==(const ManifestEntry&) const = default;
};

struct ManifestTotals {
  std::uint64_t entries = 0;
  std::uint64_t file_bytes = 0;
  std::vector<PackId> packs;  // sorted; every pack that the backup needs
};

// Gathers entries and writes the manifest object when done. Entries are compressed block by block into a temporary file, so
// memory does not grow with their number. Not for use by two threads at once.
class ManifestWriter {
 public:
  ManifestWriter(const Repository& repository, std::string cluster, BackupId id, const std::string& spool_directory);
  ~ManifestWriter();

  // Packs named by the entry's own chunks are noted; those that are only named inside extent maps come by need().
  void add(const ManifestEntry& entry);
  void need(const PackId& pack);
  struct Stored {
    ManifestTotals totals;
    std::uint64_t object_size = 0;
    Sha256Digest object_digest;  // of the object's bytes
  };
  // Puts the object, then reads it back whole. Error{failed} when the name is taken.
  Stored finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Streams a manifest. Not for use by two threads at once.
class ManifestReader {
 public:
  // Error{corruption} when there is no such object.
  ManifestReader(const Repository& repository, std::string_view cluster, const BackupId& id);
  ~ManifestReader();
  // The next entry, valid until the next call; null after the last: then totals() are known.
  [[nodiscard]] const ManifestEntry* next();
  // Error{failed} before the end was reached.
  [[nodiscard]] const ManifestTotals& totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What the end block says, reading little more than that: for whoever sweeps. Error{corruption} also when there is no such
// object.
[[nodiscard]] ManifestTotals read_manifest_totals(const Repository& repository, std::string_view cluster, const BackupId& id);

// Entries of an earlier backup by path, for random access with bounded memory: about 16 bytes a file are held, the rest lies in a
// temporary file. Safe for many threads once made.
class ManifestIndex {
 public:
  ManifestIndex(const Repository& repository, std::string_view cluster, const BackupId& id, const std::string& spool_directory);
  ~ManifestIndex();
  // Files only.
  [[nodiscard]] std::optional<ManifestEntry> find(EntryTree tree, std::string_view path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Pure block coding, for tests and fuzzing. `decode_manifest_block` throws Error{corruption} naming the object.
[[nodiscard]] Bytes encode_file_block(const std::vector<ManifestEntry>& entries);
[[nodiscard]] Bytes encode_end_block(const ManifestTotals& totals);
using ManifestBlock = std::variant<std::vector<ManifestEntry>, ManifestTotals>;
[[nodiscard]] ManifestBlock decode_manifest_block(ByteView payload, std::string_view object_name);

}  // namespace pgrecall
