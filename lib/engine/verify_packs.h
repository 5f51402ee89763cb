#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/verify_findings.h"
#include "engine/verify_inventory.h"
#include "repository/pack_reader.h"
#include "repository/relocation.h"

namespace pgrecall {

// What verify knows of the cluster's packs: which chunks there are, which were read, and which of these are bad. Indexes are read
// when needed, and a bounded number of them is kept. One thread asks; set_bad() is for any.
class VerifyPacks {
 public:
  // Where a chunk is.
  struct Place {
    std::uint32_t pack = 0;    // number in the inventory
    std::uint32_t number = 0;  // of the chunk in its pack
    ChunkRef chunk;            // its reference there
  };

  VerifyPacks(const Repository& repository, const std::string& cluster, const std::vector<VerifyInventory::Pack>& packs,
              VerifyFindings& findings);

  // Checks a reference of `backup` against the index of its pack, also of one that was rewritten. Nothing when it leads nowhere:
  // then there is a finding that names the backup and `file`.
  [[nodiscard]] std::optional<Place> locate(const ChunkRef& chunk, const std::string& backup, const std::string& file);
  // True the first time that it is asked for this chunk: whoever gets it reads it.
  [[nodiscard]] bool claim(const Place& place);
  // Makes the finding.
  void set_bad(const Place& place, const Error& error, const std::string& backup, const std::string& file);
  // When the chunk was found bad before, its finding names this backup too.
  void note_user(const Place& place, const std::string& backup);

  // A backup lists the pack. False when it is not there, nor where its chunks went; then there is a finding.
  bool need(const PackId& id, const std::string& backup);
  // While no jobs run: its index could not be read, or a chunk that was read is bad.
  [[nodiscard]] bool damaged(std::size_t pack) const noexcept { return packs_[pack].unreadable || !packs_[pack].bad.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return packs_.size(); }
  [[nodiscard]] bool needed(std::size_t pack) const noexcept { return packs_[pack].needed; }
  [[nodiscard]] const VerifyInventory::Pack& stored(std::size_t pack) const noexcept { return stored_[pack]; }
  // The chunks that nobody claimed, claimed now; a pack whose index cannot be read has none, but a finding.
  [[nodiscard]] std::vector<Place> claim_rest(std::size_t pack);
  [[nodiscard]] std::uint64_t packs_read() const noexcept { return packs_read_; }

 private:
  struct Pack {
    std::vector<bool> claimed;  // by chunk; empty until its index was read
    std::vector<bool> bad;      // empty while none is
    bool unreadable = false;
    bool needed = false;
  };
  struct CachedIndex {
    std::size_t pack = 0;
    std::vector<ChunkRef> chunks;
  };
  struct CachedRelocations {
    PackId id;
    std::optional<std::vector<Relocation>> moved;
  };

  [[nodiscard]] std::optional<std::size_t> find(const PackId& id);
  // Null when the index cannot be read. Valid until the next call.
  [[nodiscard]] const std::vector<ChunkRef>* index_of(std::size_t pack, const std::string& backup);
  [[nodiscard]] const std::optional<std::vector<Relocation>>& relocations_of(const PackId& id, const std::string& backup);
  void missing(const PackId& id, const std::string& backup);
  void misfit(const PackId& id, std::uint64_t offset, const std::string& backup, const std::string& file, std::string problem);

  const Repository& repository_;
  const std::string cluster_;
  const std::vector<VerifyInventory::Pack>& stored_;
  VerifyFindings& findings_;
  std::vector<Pack> packs_;  // as stored_
  std::size_t last_found_ = 0;
  std::list<CachedIndex> indexes_;  // most recently used first
  std::size_t cached_chunks_ = 0;
  std::list<CachedRelocations> relocations_;
  std::uint64_t packs_read_ = 0;
  std::mutex bad_mutex_;
};

}  // namespace pgrecall
