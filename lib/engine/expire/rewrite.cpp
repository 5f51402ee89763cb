#include "engine/expire/rewrite.h"

#include <algorithm>

#include "base/error.h"
#include "codec/frame.h"
#include "engine/expire/live_chunks.h"
#include "io/rate_limiter.h"
#include "repository/pack_writer.h"
#include "repository/relocation.h"

namespace pgrecall {

namespace {

// Rewritten at once: bounds what a broken-off run leaves behind for nothing.
constexpr std::uint64_t batch_bytes = 512ULL << 20U;

struct Candidate {
  PackId id;
  LiveChunks::Pack pack;
};

class Rewriting {
 public:
  Rewriting(const Repository& repository, const SweepRequest& request, Time now, const std::function<void()>& require_lease,
            Progress& progress, const std::stop_token& stop)
      : repository_(repository),
        request_(request),
        now_(now),
        require_lease_(require_lease),
        progress_(progress),
        stop_(stop),
        reader_(repository, request.cluster) {}

  RewriteResult run(const SweepPlan& plan);

 private:
  void find_relocations();
  void judge(const PackId& id, LiveChunks& live);
  [[nodiscard]] bool covers(const PackId& id, const LiveChunks::Pack& pack);
  void finish(const PackId& id, const LiveChunks::Pack& pack);
  void rewrite_batch();
  [[nodiscard]] std::vector<std::vector<Relocation>> copy_batch();

  const Repository& repository_;
  const SweepRequest& request_;
  const Time now_;
  const std::function<void()>& require_lease_;
  Progress& progress_;
  const std::stop_token& stop_;
  ChunkReader reader_;
  std::map<PackId, Time> relocated_;  // with the time of the relocation object
  std::set<PackId> targets_;          // hold chunks of packs that were rewritten and are still there
  Time newest_{};                     // of the cluster's packs
  std::vector<Candidate> batch_;
  std::uint64_t batch_size_ = 0;
  RewriteResult result_;
};

RewriteResult Rewriting::run(const SweepPlan& plan) {
  if (plan.to_look_into.empty() || request_.rewrite_when_dead > 1) {
    return result_;
  }
  progress_.enter("looking for dead chunks");
  find_relocations();
  LiveChunks live(repository_, request_.cluster);
  if (!live.walk(plan.alive, plan.to_look_into, stop_)) {
    result_.problems.push_back("no pack is rewritten while there is damage: " + live.problem());
    return result_;
  }
  progress_.enter("rewriting packs");
  for (const PackId& id : plan.to_look_into) {
    throw_if_stopped(stop_);
    judge(id, live);
  }
  rewrite_batch();
  return result_;
}

void Rewriting::find_relocations() {
  std::set<PackId> stored;
  repository_.store().list(packs_prefix(request_.cluster), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (name.kind == NameKind::relocation) {
      relocated_.emplace(*name.pack, object.modified);
    }
    newest_ = std::max(newest_, object.modified);
    if (name.kind == NameKind::pack) {
      stored.insert(*name.pack);
    }
  });
  for (const auto& [id, time] : relocated_) {
    const auto moved = stored.contains(id) ? read_relocations(repository_, request_.cluster, id) : std::nullopt;
    for (const Relocation& entry : moved ? *moved : std::vector<Relocation>()) {
      targets_.insert(entry.pack);
    }
  }
}

void Rewriting::judge(const PackId& id, LiveChunks& live) {
  auto pack = live.of(id);
  if (!pack) {
    return;
  }
  if (relocated_.contains(id)) {
    finish(id, *pack);
    return;
  }
  // Readers find those chunks in the old pack, so they look dead here.
  if (targets_.contains(id)) {
    return;
  }
  // Without any live chunk it would go if no backup listed it; such a list is verify's to tell about.
  if (pack->live.empty() ||
      static_cast<double>(pack->dead_bytes) < request_.rewrite_when_dead * static_cast<double>(pack->size)) {
    return;
  }
  batch_size_ += pack->size - pack->dead_bytes;
  batch_.push_back({id, std::move(*pack)});
  if (batch_size_ >= batch_bytes) {
    rewrite_batch();
  }
}

// Every chunk that backups need of the old pack is where the relocation says.
bool Rewriting::covers(const PackId& id, const LiveChunks::Pack& pack) {
  const auto moved = read_relocations(repository_, request_.cluster, id);
  Bytes raw;
  return moved && std::ranges::all_of(pack.live, [&](const ChunkRef& chunk) {
           const auto at = std::ranges::lower_bound(*moved, chunk.offset, {}, &Relocation::old_offset);
           if (at == moved->end() || at->old_offset != chunk.offset) {
             return false;
           }
           throw_if_stopped(stop_);
           raw.resize(chunk.raw_size);
           reader_.read({at->pack, at->offset, at->body_size, chunk.raw_size, chunk.digest}, raw);
           return true;
         });
}

void Rewriting::finish(const PackId& id, const LiveChunks::Pack& pack) {
  if (relocated_.at(id) + request_.grace > std::min(now_, newest_)) {
    result_.waiting_bytes += pack.size;
    return;
  }
  bool covered = false;
  try {
    covered = covers(id, pack);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    result_.problems.push_back(std::string("a pack that was rewritten stays, since where its chunks went is damaged: ") +
                               error.what());
  }
  require_lease_();
  if (covered) {
    repository_.store().remove(pack_name(request_.cluster, id));
    ++result_.removed_packs;
    result_.removed_bytes += pack.size;
  } else {
    // The old pack is whole; without the relocation it may be rewritten again.
    repository_.store().remove(relocation_name(request_.cluster, id));
  }
}

std::vector<std::vector<Relocation>> Rewriting::copy_batch() {
  PackWriter writer(repository_, request_.cluster, {.uploads = 1});
  Compressor compressor{Compression{}};
  Bytes raw;
  std::vector<std::vector<Relocation>> moved;
  for (const Candidate& candidate : batch_) {
    std::vector<Relocation>& of_pack = moved.emplace_back();
    try {
      for (const ChunkRef& chunk : candidate.pack.live) {
        throw_if_stopped(stop_);
        raw.resize(chunk.raw_size);
        reader_.read(chunk, raw);
        progress_.add_done(chunk.body_size);
        const ChunkRef now = writer.add(compressor.compress(raw), chunk.raw_size, chunk.digest);
        of_pack.push_back({chunk.offset, now.pack, now.offset, now.body_size});
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      of_pack.clear();
      result_.problems.push_back(std::string("a pack is not rewritten, since it is damaged: ") + error.what());
    }
  }
  result_.new_bytes += writer.finish().stored_bytes;
  return moved;
}

void Rewriting::rewrite_batch() {
  if (batch_.empty()) {
    return;
  }
  const auto moved = copy_batch();
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (moved[i].empty()) {
      continue;
    }
    require_lease_();
    put_relocations(repository_, request_.cluster, batch_[i].id, moved[i]);
    ++result_.packs;
    if (request_.grace.count() == 0) {
      require_lease_();
      repository_.store().remove(pack_name(request_.cluster, batch_[i].id));
      ++result_.removed_packs;
      result_.removed_bytes += batch_[i].pack.size;
    } else {
      result_.waiting_bytes += batch_[i].pack.size;
    }
  }
  batch_.clear();
  batch_size_ = 0;
}

}  // namespace

RewriteResult rewrite_packs(const Repository& repository, const SweepRequest& request, const SweepPlan& plan, Time now,
                            const std::function<void()>& require_lease, Progress& progress, const std::stop_token& stop) {
  return Rewriting(repository, request, now, require_lease, progress, stop).run(plan);
}

}  // namespace pgrecall
