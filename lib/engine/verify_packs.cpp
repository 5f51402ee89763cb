#include "engine/verify_packs.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_cached_chunks = 512U << 10U;  // 64 bytes each
constexpr std::size_t max_cached_relocations = 4;
constexpr unsigned max_moves = 64;

std::string place_of(std::uint64_t offset) { return std::to_string(offset); }

}  // namespace

VerifyPacks::VerifyPacks(const Repository& repository, const std::string& cluster,
                         const std::vector<VerifyInventory::Pack>& packs, VerifyFindings& findings)
    : repository_(repository), cluster_(cluster), stored_(packs), findings_(findings), packs_(packs.size()) {}

std::optional<std::size_t> VerifyPacks::find(const PackId& id) {
  if (last_found_ < stored_.size() && stored_[last_found_].id == id) {
    return last_found_;
  }
  const auto at = std::ranges::lower_bound(stored_, id, {}, &VerifyInventory::Pack::id);
  if (at == stored_.end() || at->id != id) {
    return std::nullopt;
  }
  last_found_ = static_cast<std::size_t>(at - stored_.begin());
  return last_found_;
}

void VerifyPacks::missing(const PackId& id, const std::string& backup) {
  findings_.add({.severity = FindingSeverity::damage,
                 .kind = finding_kind::missing_object,
                 .object = pack_name(cluster_, id),
                 .backups = {backup},
                 .file = {},
                 .block = {},
                 .problem = "a pack that the backup needs is missing"});
}

void VerifyPacks::misfit(const PackId& id, std::uint64_t offset, const std::string& backup, const std::string& file,
                         std::string problem) {
  findings_.add({.severity = FindingSeverity::damage,
                 .kind = finding_kind::inconsistent,
                 .object = pack_name(cluster_, id),
                 .backups = {backup},
                 .file = file,
                 .block = {},
                 .problem = std::move(problem) + " (offset=" + std::to_string(offset) + ")"},
                place_of(offset));
}

const std::vector<ChunkRef>* VerifyPacks::index_of(std::size_t pack, const std::string& backup) {
  const auto cached = std::ranges::find(indexes_, pack, &CachedIndex::pack);
  if (cached != indexes_.end()) {
    indexes_.splice(indexes_.begin(), indexes_, cached);
    return &indexes_.front().chunks;
  }
  const std::string name = pack_name(cluster_, stored_[pack].id);
  if (packs_[pack].unreadable) {
    if (!backup.empty()) {
      findings_.also_hits(finding_kind::corrupt_object, name, {}, backup);
    }
    return nullptr;
  }
  try {
    auto index = read_pack_index(repository_, cluster_, stored_[pack].id);
    if (!index && !packs_[pack].needed) {
      packs_[pack].unreadable = true;  // swept meanwhile, since no backup needs it
      return nullptr;
    }
    if (!index) {
      throw Error(ErrorKind::corruption, "pack vanished while it was verified").with("object", name);
    }
    Pack& state = packs_[pack];
    if (state.claimed.empty()) {
      state.claimed.resize(index->chunks.size());
      ++packs_read_;
    } else if (state.claimed.size() != index->chunks.size()) {
      throw Error(ErrorKind::corruption, "pack changed while it was verified").with("object", name);
    }
    cached_chunks_ += index->chunks.size();
    indexes_.push_front({pack, std::move(index->chunks)});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    packs_[pack].unreadable = true;
    findings_.corrupt(error, name, backup);
    return nullptr;
  }
  while (cached_chunks_ > max_cached_chunks && indexes_.size() > 1) {
    cached_chunks_ -= indexes_.back().chunks.size();
    indexes_.pop_back();
  }
  return &indexes_.front().chunks;
}

const std::optional<std::vector<Relocation>>& VerifyPacks::relocations_of(const PackId& id, const std::string& backup) {
  const auto cached = std::ranges::find(relocations_, id, &CachedRelocations::id);
  if (cached != relocations_.end()) {
    relocations_.splice(relocations_.begin(), relocations_, cached);
    return relocations_.front().moved;
  }
  std::optional<std::vector<Relocation>> moved;
  try {
    moved = read_relocations(repository_, cluster_, id);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    findings_.corrupt(error, relocation_name(cluster_, id), backup);
  }
  relocations_.push_front({id, std::move(moved)});
  if (relocations_.size() > max_cached_relocations) {
    relocations_.pop_back();
  }
  return relocations_.front().moved;
}

std::optional<VerifyPacks::Place> VerifyPacks::locate(const ChunkRef& chunk, const std::string& backup, const std::string& file) {
  ChunkRef at = chunk;
  for (unsigned moves = 0; moves < max_moves; ++moves) {
    const auto pack = find(at.pack);
    if (!pack) {
      const auto& moved = relocations_of(at.pack, backup);
      if (!moved) {
        missing(at.pack, backup);
        return std::nullopt;
      }
      const auto entry = std::ranges::lower_bound(*moved, at.offset, {}, &Relocation::old_offset);
      if (entry == moved->end() || entry->old_offset != at.offset) {
        misfit(at.pack, at.offset, backup, file, "a chunk that the backup needs was dropped when its pack was rewritten");
        return std::nullopt;
      }
      at = {entry->pack, entry->offset, entry->body_size, at.raw_size, at.digest};
      continue;
    }
    packs_[*pack].needed = true;
    const std::vector<ChunkRef>* index = index_of(*pack, backup);
    if (index == nullptr) {
      return std::nullopt;
    }
    const auto entry = std::ranges::lower_bound(*index, at.offset, {}, &ChunkRef::offset);
    if (entry == index->end() || *entry != at) {
      misfit(at.pack, at.offset, backup, file, "the backup refers to a chunk that is not in this pack");
      return std::nullopt;
    }
    return Place{static_cast<std::uint32_t>(*pack), static_cast<std::uint32_t>(entry - index->begin()), at};
  }
  misfit(chunk.pack, chunk.offset, backup, file, "relocations of a chunk do not end");
  return std::nullopt;
}

bool VerifyPacks::claim(const Place& place) {
  auto claimed = packs_[place.pack].claimed[place.number];
  const bool first = !claimed;
  claimed = true;
  return first;
}

void VerifyPacks::set_bad(const Place& place, const Error& error, const std::string& backup, const std::string& file) {
  {
    const std::lock_guard lock(bad_mutex_);
    Pack& pack = packs_[place.pack];
    pack.bad.resize(pack.claimed.size());
    pack.bad[place.number] = true;
  }
  findings_.add({.severity = FindingSeverity::damage,
                 .kind = finding_kind::corrupt_object,
                 .object = pack_name(cluster_, place.chunk.pack),
                 .backups = backup.empty() ? std::vector<std::string>() : std::vector<std::string>{backup},
                 .file = file,
                 .block = {},
                 .problem = error.what(),
                 .offset = place.chunk.offset},
                place_of(place.chunk.offset));
}

void VerifyPacks::note_user(const Place& place, const std::string& backup) {
  {
    const std::lock_guard lock(bad_mutex_);
    const Pack& pack = packs_[place.pack];
    if (pack.bad.empty() || !pack.bad[place.number]) {
      return;
    }
  }
  findings_.also_hits(finding_kind::corrupt_object, pack_name(cluster_, place.chunk.pack), place_of(place.chunk.offset), backup);
}

bool VerifyPacks::need(const PackId& id, const std::string& backup) {
  if (const auto pack = find(id)) {
    packs_[*pack].needed = true;
    return true;
  }
  if (relocations_of(id, backup)) {
    return true;
  }
  missing(id, backup);
  return false;
}

std::vector<VerifyPacks::Place> VerifyPacks::claim_rest(std::size_t pack) {
  Pack& state = packs_[pack];
  std::vector<Place> rest;
  if (!state.claimed.empty() && std::ranges::find(state.claimed, false) == state.claimed.end()) {
    return rest;
  }
  const std::vector<ChunkRef>* index = index_of(pack, {});
  if (index == nullptr) {
    return rest;
  }
  for (std::size_t i = 0; i < index->size(); ++i) {
    const Place place{static_cast<std::uint32_t>(pack), static_cast<std::uint32_t>(i), (*index)[i]};
    if (claim(place)) {
      rest.push_back(place);
    }
  }
  return rest;
}

}  // namespace pgrecall
