#include <algorithm>

#include "repository/pack_format.h"
#include "repository/pack_reader.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t least_pack_size = object_header_size + frame_header_size + pack_trailer_size;

// One pack, open for reading from end to end.
class PackObject {
 public:
  // Nothing when there is no such object.
  static std::optional<PackObject> open(const Repository& repository, std::string_view cluster, const PackId& id) {
    std::string name = pack_name(cluster, id);
    std::unique_ptr<ObjectReader> object = repository.store().open(name);
    if (object == nullptr) {
      return std::nullopt;
    }
    if (object->size() < least_pack_size) {
      throw Error(ErrorKind::corruption, "pack is too short", "run pgrecall verify to see what else is damaged")
          .with("object", name)
          .with("found", object->size());
    }
    ObjectHeader header;
    const std::size_t got = object->read(0, header);
    check_object_header(ByteView(header).first(got), ObjectKind::pack, name, repository.sealed());
    FrameReader frames(std::move(name), header, repository.data_key());
    return PackObject(std::move(object), std::move(frames));
  }

  [[nodiscard]] PackIndex read_index(const PackId& id) {
    const std::uint64_t size = object_->size();
    std::array<std::byte, pack_trailer_size> trailer;
    read_exactly(size - pack_trailer_size, trailer);
    const std::uint64_t index_offset = parse_pack_trailer(trailer, size, name());
    const FrameHeader header = read_frame(index_offset, size - pack_trailer_size);
    if (!header.last || index_offset + frame_header_size + header.body_size != size - pack_trailer_size) {
      refuse("index is not the last frame of the pack", index_offset);
    }
    PackIndex index{size, decode_pack_index(raw_, id, index_offset, name())};
    if (header.number != index.chunks.size()) {
      refuse("index frame has another number than the pack has chunks", index_offset);
    }
    return index;
  }

  // Reads every chunk that the index names.
  void check_chunks(const PackIndex& index) {
    for (std::size_t i = 0; i < index.chunks.size(); ++i) {
      const ChunkRef& chunk = index.chunks[i];
      const FrameHeader header = read_frame(chunk.offset, index.object_size);
      if (header.last || header.number != i || header.raw_size != chunk.raw_size || header.body_size != chunk.body_size ||
          digest_ != chunk.digest) {
        refuse("frame is not the one that the pack's index describes", chunk.offset);
      }
    }
  }

 private:
  PackObject(std::unique_ptr<ObjectReader> object, FrameReader frames) : object_(std::move(object)), frames_(std::move(frames)) {}

  [[nodiscard]] const std::string& name() const { return frames_.object_name(); }

  [[noreturn]] void refuse(const char* what, std::uint64_t offset) const {
    throw Error(ErrorKind::corruption, what, "run pgrecall verify to see what else is damaged")
        .with("object", name())
        .with("offset", offset);
  }

  void read_exactly(std::uint64_t offset, MutableByteView out) const {
    if (object_->read(offset, out) != out.size()) {
      refuse("pack ends early", offset);
    }
  }

  // Leaves the raw bytes in raw_ and their digest in digest_. The frame ends at or before `limit`.
  FrameHeader read_frame(std::uint64_t offset, std::uint64_t limit) {
    std::array<std::byte, frame_header_size> header_bytes;
    read_exactly(offset, header_bytes);
    const FrameHeader header = frames_.parse_header(header_bytes, offset);
    if (header.body_size > limit - offset - frame_header_size) {
      refuse("frame reaches beyond its place in the pack", offset);
    }
    body_.resize(header.body_size);
    raw_.resize(header.raw_size);
    read_exactly(offset + frame_header_size, body_);
    digest_ = frames_.read(header, header_bytes, body_, offset, raw_);
    return header;
  }

  std::unique_ptr<ObjectReader> object_;
  FrameReader frames_;
  Bytes body_;
  Bytes raw_;
  Sha256Digest digest_;
};

}  // namespace

std::optional<PackIndex> read_pack_index(const Repository& repository, std::string_view cluster, const PackId& id) {
  std::optional<PackObject> pack = PackObject::open(repository, cluster, id);
  if (!pack) {
    return std::nullopt;
  }
  return pack->read_index(id);
}

std::optional<PackIndex> check_pack(const Repository& repository, std::string_view cluster, const PackId& id) {
  std::optional<PackObject> pack = PackObject::open(repository, cluster, id);
  if (!pack) {
    return std::nullopt;
  }
  PackIndex index = pack->read_index(id);
  pack->check_chunks(index);
  return index;
}

}  // namespace pgrecall
