#include "engine/repair/chunk_search.h"

#include "base/error.h"
#include "io/rate_limiter.h"
#include "repository/pack_reader.h"

namespace pgrecall {

namespace {

constexpr std::size_t most_places = 8;  // of one chunk: any may be damaged as well

}  // namespace

std::map<Sha256Digest, std::vector<ChunkRef>> find_chunks(const Repository& repository, const std::string& cluster,
                                                          const std::set<Sha256Digest>& wanted, const std::stop_token& stop) {
  std::map<Sha256Digest, std::vector<ChunkRef>> found;
  if (wanted.empty()) {
    return found;
  }
  std::vector<PackId> packs;
  repository.store().list(packs_prefix(cluster), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (name.kind == NameKind::pack) {
      packs.push_back(*name.pack);
    }
  });
  for (const PackId& pack : packs) {
    throw_if_stopped(stop);
    std::optional<PackIndex> index;
    try {
      index = read_pack_index(repository, cluster, pack);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
    }
    for (const ChunkRef& chunk : index ? index->chunks : std::vector<ChunkRef>()) {
      if (wanted.contains(chunk.digest) && found[chunk.digest].size() < most_places) {
        found[chunk.digest].push_back(chunk);
      }
    }
  }
  return found;
}

}  // namespace pgrecall
