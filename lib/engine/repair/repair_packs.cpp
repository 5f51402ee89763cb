#include "engine/repair/repair_packs.h"

#include <map>
#include <optional>

#include "base/error.h"
#include "engine/repair/chunk_search.h"
#include "engine/repair/pack_references.h"
#include "io/rate_limiter.h"
#include "repository/catalog.h"
#include "repository/pack_reader.h"
#include "repository/pack_writer.h"
#include "repository/relocation.h"

namespace pgrecall {

namespace {

constexpr std::size_t most_packs = 2000;  // at once: bounds the references that are held

class PackRepairs {
 public:
  PackRepairs(const Repository& repository, const PackRepairRequest& request, Progress& progress, const std::stop_token& stop)
      : repository_(repository), request_(request), progress_(progress), stop_(stop), reader_(repository, request.cluster) {}

  std::vector<PackRepair> run();

 private:
  struct Pack {
    PackId id;
    bool stored = false;
    bool whole = false;                        // every byte of it is right
    std::map<std::uint64_t, ChunkRef> needed;  // by offset
    std::set<std::uint64_t> unreadable;        // of these
  };

  void gather();
  void look_at(Pack& pack);
  // False when the chunk cannot be read there.
  [[nodiscard]] bool read(ChunkReader& reader, const ChunkRef& chunk);
  [[nodiscard]] PackRepair repair(const Pack& pack);
  // Nothing when it is nowhere.
  [[nodiscard]] std::optional<ChunkRef> find_elsewhere(const ChunkRef& chunk);
  void copy(const Pack& pack, const std::map<std::uint64_t, ChunkRef>& sources);
  void check_result(const Pack& pack);
  [[nodiscard]] bool relocation_is_readable(const PackId& id) const;

  const Repository& repository_;
  const PackRepairRequest& request_;
  Progress& progress_;
  const std::stop_token& stop_;
  ChunkReader reader_;
  std::vector<Pack> packs_;
  bool references_known_ = true;  // else a manifest or a map is damaged, and may name more
  std::map<Sha256Digest, std::vector<ChunkRef>> places_;
  Bytes raw_;
};

bool PackRepairs::read(ChunkReader& reader, const ChunkRef& chunk) {
  throw_if_stopped(stop_);
  try {
    raw_.resize(chunk.raw_size);
    reader.read(chunk, raw_);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return false;
  }
}

void PackRepairs::gather() {
  const std::set<PackId> wanted(request_.packs.begin(), request_.packs.end());
  std::map<PackId, Pack*> by_id;
  for (const PackId& id : wanted) {
    if (packs_.size() < most_packs) {
      packs_.emplace_back().id = id;
    }
  }
  for (Pack& pack : packs_) {
    by_id[pack.id] = &pack;
  }
  PackReferences references(repository_, request_.cluster, wanted);
  const auto note = [&](const ChunkRef& chunk) {
    if (const auto pack = by_id.find(chunk.pack); pack != by_id.end()) {
      pack->second->needed.emplace(chunk.offset, chunk);
    }
  };
  const Catalog catalog = read_catalog(repository_, request_.cluster);
  for (const ListedBackup& backup : catalog.backups) {
    references_known_ = references.walk(backup.summary.id, note, stop_) == PackReferences::Walk::whole && references_known_;
  }
  for (const DamagedBackup& backup : catalog.damaged) {
    references_known_ = references.walk(backup.id, note, stop_) == PackReferences::Walk::whole && references_known_;
  }
  // Removed backups stay readable for a while as far as they can; nobody waits for them.
  for (const BackupId& backup : catalog.expired) {
    static_cast<void>(references.walk(backup, note, stop_));
  }
}

void PackRepairs::look_at(Pack& pack) {
  pack.stored = repository_.store().open(pack_name(request_.cluster, pack.id)) != nullptr;
  std::optional<PackIndex> index;
  const auto corrupt_is_none = [&](const auto& call) {
    try {
      return call();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      return std::optional<PackIndex>();
    }
  };
  index = corrupt_is_none([&] { return read_pack_index(repository_, request_.cluster, pack.id); });
  pack.whole = index && corrupt_is_none([&] { return check_pack(repository_, request_.cluster, pack.id); });
  if (!references_known_ && index) {
    for (const ChunkRef& chunk : index->chunks) {
      pack.needed.emplace(chunk.offset, chunk);
    }
  }
  for (const auto& [offset, chunk] : pack.needed) {
    if (!read(reader_, chunk)) {
      pack.unreadable.insert(offset);
    }
  }
  if (!references_known_ && !index) {
    pack.needed.clear();
  }
}

std::optional<ChunkRef> PackRepairs::find_elsewhere(const ChunkRef& chunk) {
  const auto places = places_.find(chunk.digest);
  if (places == places_.end()) {
    return std::nullopt;
  }
  for (const ChunkRef& place : places->second) {
    if (place.raw_size == chunk.raw_size && read(reader_, place)) {
      return place;
    }
  }
  return std::nullopt;
}

bool PackRepairs::relocation_is_readable(const PackId& id) const {
  try {
    static_cast<void>(read_relocations(repository_, request_.cluster, id));
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return false;
  }
}

void PackRepairs::copy(const Pack& pack, const std::map<std::uint64_t, ChunkRef>& sources) {
  std::vector<Relocation> moved;
  if (!pack.needed.empty()) {
    PackWriter writer(repository_, request_.cluster, {.uploads = 1});
    Compressor compressor{Compression{}};
    for (const auto& [offset, chunk] : pack.needed) {
      throw_if_stopped(stop_);
      const auto source = sources.find(offset);
      raw_.resize(chunk.raw_size);
      reader_.read(source == sources.end() ? chunk : source->second, raw_);
      const ChunkRef now = writer.add(compressor.compress(raw_), chunk.raw_size, chunk.digest);
      progress_.add_done(chunk.body_size);
      moved.push_back({offset, now.pack, now.offset, now.body_size});
    }
    static_cast<void>(writer.finish());
  }
  // While the old pack is there, readers do not look at a relocation of it; one of a missing pack leads nowhere good.
  request_.require_lease();
  repository_.store().remove(relocation_name(request_.cluster, pack.id));
  if (!moved.empty()) {
    put_relocations(repository_, request_.cluster, pack.id, moved);
  }
  if (pack.stored) {
    request_.require_lease();
    repository_.store().remove(pack_name(request_.cluster, pack.id));
  }
}

// By the references that backups have.
void PackRepairs::check_result(const Pack& pack) {
  ChunkReader fresh(repository_, request_.cluster);
  for (const auto& [offset, chunk] : pack.needed) {
    throw_if_stopped(stop_);
    raw_.resize(chunk.raw_size);
    fresh.read(chunk, raw_);
  }
}

PackRepair PackRepairs::repair(const Pack& pack) {
  PackRepair result{.pack = pack.id, .done = false, .from = {}, .problem = {}, .readable = {}};
  if (pack.whole && pack.unreadable.empty()) {
    if (relocation_is_readable(pack.id)) {
      result.problem = "all of it can be read now; another verify tells whether that lasts";
    } else {
      request_.require_lease();
      repository_.store().remove(relocation_name(request_.cluster, pack.id));
      result.done = true;
      result.from = "the pack that it stood for, which is there";
    }
    return result;
  }
  if (!references_known_ && pack.needed.empty()) {
    result.problem = "a manifest or an extent map is damaged, so that nobody knows what backups need of this pack";
    return result;
  }
  std::map<std::uint64_t, ChunkRef> sources;
  std::set<PackId> from;
  std::size_t lost = 0;
  for (const std::uint64_t offset : pack.unreadable) {
    if (const auto place = find_elsewhere(pack.needed.at(offset))) {
      sources.emplace(offset, *place);
      from.insert(place->pack);
    } else {
      ++lost;
    }
  }
  if (lost > 0) {
    result.problem = std::to_string(lost) + " of " + std::to_string(pack.needed.size()) +
                     " chunks that backups need of it are nowhere else in the repository";
    return result;
  }
  copy(pack, sources);
  check_result(pack);
  result.done = true;
  for (const auto& [offset, chunk] : pack.needed) {
    if (!pack.unreadable.contains(offset)) {
      result.readable.insert(offset);
    }
  }
  result.from = from.empty() ? "what of it can be read, which is all that backups need" : "";
  for (const PackId& each : from) {
    if (result.from.size() > 200) {
      result.from += " …";
      break;
    }
    result.from += (result.from.empty() ? "" : ", ") + pack_name(request_.cluster, each);
  }
  return result;
}

std::vector<PackRepair> PackRepairs::run() {
  gather();
  progress_.enter("looking for damaged chunks in other packs", "repairing");
  std::set<Sha256Digest> wanted;
  for (Pack& pack : packs_) {
    look_at(pack);
    for (const std::uint64_t offset : pack.unreadable) {
      if (const auto chunk = pack.needed.find(offset); chunk != pack.needed.end()) {
        wanted.insert(chunk->second.digest);
      }
    }
  }
  places_ = find_chunks(repository_, request_.cluster, wanted, stop_);
  progress_.enter("repairing packs", "repairing");
  std::vector<PackRepair> results;
  for (const Pack& pack : packs_) {
    try {
      results.push_back(repair(pack));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      // What could be read a moment ago cannot now: the medium is dying under us.
      results.push_back({.pack = pack.id, .done = false, .from = {}, .problem = error.what(), .readable = {}});
    }
  }
  return results;
}

}  // namespace

std::vector<PackRepair> repair_packs(const Repository& repository, const PackRepairRequest& request, Progress& progress,
                                     const std::stop_token& stop) {
  return request.packs.empty() ? std::vector<PackRepair>() : PackRepairs(repository, request, progress, stop).run();
}

}  // namespace pgrecall
