#include "repository/pack_reader.h"

#include <algorithm>

#include "repository/chunk_table.h"
#include "repository/relocation.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_open_packs = 16;
// A pack is rewritten when it is mostly dead, so few ever move more than a handful of times.
constexpr unsigned max_moves = 64;

// An open pack, or, of one that was rewritten, where its chunks went.
struct OpenPack {
  PackId id;
  std::string name;
  std::unique_ptr<ObjectReader> object;
  std::optional<FrameReader> frames;
  std::vector<Relocation> moved;
};

std::unique_ptr<OpenPack> open_pack(const Repository& repository, const std::string& cluster, const PackId& id) {
  auto pack = std::make_unique<OpenPack>();
  pack->id = id;
  pack->name = pack_name(cluster, id);
  pack->object = repository.store().open(pack->name);
  if (pack->object == nullptr) {
    std::optional<std::vector<Relocation>> moved = read_relocations(repository, cluster, id);
    if (!moved) {
      throw Error(ErrorKind::corruption, "pack is missing", "run pgrecall verify to see which backups need it")
          .with("object", pack->name);
    }
    pack->moved = std::move(*moved);
    return pack;
  }
  ObjectHeader header;
  const std::size_t got = pack->object->read(0, header);
  check_object_header(ByteView(header).first(got), ObjectKind::pack, pack->name, repository.sealed());
  pack->frames.emplace(pack->name, header, repository.data_key());
  return pack;
}

ChunkRef follow(const OpenPack& pack, const ChunkRef& chunk) {
  const auto at = std::lower_bound(pack.moved.begin(), pack.moved.end(), chunk.offset,
                                   [](const Relocation& entry, std::uint64_t offset) { return entry.old_offset < offset; });
  if (at == pack.moved.end() || at->old_offset != chunk.offset) {
    throw Error(ErrorKind::corruption, "chunk was dropped when its pack was rewritten",
                "run pgrecall verify to see which backups need it")
        .with("object", pack.name)
        .with("offset", chunk.offset);
  }
  return {at->pack, at->offset, at->body_size, chunk.raw_size, chunk.digest};
}

[[noreturn]] void refuse(const OpenPack& pack, const ChunkRef& chunk, const char* what) {
  throw Error(ErrorKind::corruption, what, "run pgrecall verify to see what else is damaged")
      .with("object", pack.name)
      .with("offset", chunk.offset);
}

}  // namespace

struct ChunkReader::State {
  // Most recently used first. The returned pack stays until the next call.
  OpenPack& find(const PackId& id) {
    const auto at = std::find_if(packs.begin(), packs.end(), [&](const auto& pack) { return pack->id == id; });
    if (at != packs.end()) {
      std::rotate(packs.begin(), at, at + 1);
      return *packs.front();
    }
    std::unique_ptr<OpenPack> pack = open_pack(repository, cluster, id);
    if (packs.size() == max_open_packs) {
      packs.pop_back();
    }
    packs.insert(packs.begin(), std::move(pack));
    return *packs.front();
  }

  std::uint32_t read_frame(OpenPack& pack, const ChunkRef& chunk, MutableByteView raw) {
    const std::uint64_t size = pack.object->size();
    const std::size_t frame_size = frame_header_size + chunk.body_size;
    if (!plausible(chunk) || chunk.offset > size || frame_size > size - chunk.offset) {
      refuse(pack, chunk, "reference to a chunk reaches beyond its pack");
    }
    if (frame.size() < frame_size) {
      frame.resize(frame_size);
    }
    const MutableByteView bytes = MutableByteView(frame).first(frame_size);
    if (pack.object->read(chunk.offset, bytes) != frame_size) {
      refuse(pack, chunk, "pack ends early");
    }
    const ByteView header_bytes = bytes.first(frame_header_size);
    const FrameHeader header = pack.frames->parse_header(header_bytes, chunk.offset);
    if (header.raw_size != chunk.raw_size || header.body_size != chunk.body_size || header.last) {
      refuse(pack, chunk, "frame is not the one that the reference to the chunk describes");
    }
    const Sha256Digest digest = pack.frames->read(header, header_bytes, bytes.subspan(frame_header_size), chunk.offset, raw);
    if (digest != chunk.digest) {
      throw Error(ErrorKind::corruption, "chunk is another one than the reference says",
                  "run pgrecall verify to see what else is damaged")
          .with("object", pack.name)
          .with("offset", chunk.offset)
          .with("expected", chunk.digest.to_string())
          .with("found", digest.to_string());
    }
    return header.number;
  }

  const Repository& repository;
  const std::string cluster;
  std::vector<std::unique_ptr<OpenPack>> packs;
  Bytes frame;
};

ChunkReader::ChunkReader(const Repository& repository, std::string cluster)
    : state_(new State{repository, std::move(cluster), {}, {}}) {
  state_->packs.reserve(max_open_packs);
}

ChunkReader::~ChunkReader() = default;

std::uint32_t ChunkReader::read(const ChunkRef& ref, MutableByteView raw) {
  if (raw.size() != ref.raw_size) {
    throw Error(ErrorKind::failed, "memory for a chunk has another size than the chunk")
        .with("expected", ref.raw_size)
        .with("found", raw.size());
  }
  ChunkRef at = ref;
  for (unsigned moves = 0; moves < max_moves; ++moves) {
    OpenPack& pack = state_->find(at.pack);
    if (pack.object != nullptr) {
      return state_->read_frame(pack, at, raw);
    }
    at = follow(pack, at);
  }
  throw Error(ErrorKind::corruption, "relocations of a chunk do not end", "run pgrecall verify to see what else is damaged")
      .with("object", relocation_name(state_->cluster, ref.pack))
      .with("offset", ref.offset);
}

}  // namespace pgrecall
