#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "repository/manifest.h"
#include "repository/pack_reader.h"
#include "repository/repository.h"
#include "repository/summary.h"

namespace pgrecall {

// Packs that the store holds when a backup starts. While the backup holds its lease nobody removes any.
class StoredPacks {
 public:
  struct Pack {
    PackId id;
    Time modified;
  };
  StoredPacks(const Repository& repository, const std::string& cluster);
  // True also for one that was rewritten, when the packs that hold its chunks now are there.
  [[nodiscard]] bool contains(const PackId& id) const;
  // It holds what was moved from other packs.
  [[nodiscard]] bool holds_moved(const PackId& id) const { return moved_to_.contains(id); }
  [[nodiscard]] const std::vector<Pack>& all() const noexcept { return packs_; }

 private:
  [[nodiscard]] bool is_stored(const PackId& id) const;

  std::vector<Pack> packs_;  // sorted by id
  std::set<PackId> moved_;   // rewritten packs that are gone themselves, and whose chunks are there
  std::set<PackId> moved_to_;
};

// Chunks that an interrupted backup stored and no backup lists, found by their hash. Bounded: what does not fit in is simply
// stored anew.
class OrphanChunks {
 public:
  static constexpr std::size_t max_chunks = 1'000'000;  // 64 bytes each

  OrphanChunks() = default;
  // Reads the packs that were stored after `since`, the time (by the store's clock) of the newest commit: what came later belongs
  // to no backup. They are read whole, so that what is shared is known to be good; a pack with any damage is passed over, and
  // verify reports it.
  OrphanChunks(const Repository& repository, const std::string& cluster, const StoredPacks& packs, Time since);
  [[nodiscard]] std::optional<ChunkRef> find(const Sha256Digest& digest, std::uint32_t raw_size) const;
  [[nodiscard]] std::size_t size() const noexcept { return chunks_.size(); }

 private:
  std::vector<ChunkRef> chunks_;  // sorted by digest
};

// The chunks of one range of a file in the parent backup: one for each slice, in order.
struct ParentRange {
  std::optional<ChunkRef> map;                  // the chunk that holds the extent map
  std::vector<std::optional<ChunkRef>> slices;  // nothing where the slice is not exactly one whole chunk
};

// The backup whose chunks the new one may share.
class ParentBackup {
 public:
  ParentBackup(const Repository& repository, std::string cluster, const BackupSummary& summary,
               const std::string& spool_directory);

  [[nodiscard]] std::optional<ManifestEntry> find(EntryTree tree, std::string_view path) const { return index_.find(tree, path); }
  // The range [start, start + length) of a file, cut into slices of `slice_size`. For any thread; `reader` is the caller's own.
  [[nodiscard]] static ParentRange range(const ManifestEntry& entry, std::uint64_t start, std::uint64_t length,
                                         std::uint32_t slice_size, ChunkReader& reader);

 private:
  ManifestIndex index_;
};

}  // namespace pgrecall
