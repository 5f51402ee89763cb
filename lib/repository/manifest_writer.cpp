#include <algorithm>

#include "base/hash.h"
#include "repository/manifest.h"
#include "repository/manifest_block.h"
#include "repository/pack_set.h"

namespace pgrecall {

namespace {

constexpr std::size_t block_size = 256U << 10U;
constexpr std::size_t manifest_piece = 1U << 20U;
constexpr Compression block_compression{CompressionMethod::zstd, 1};

Error different(const std::string& name) {
  return Error(ErrorKind::corruption, "manifest reads back differently from what was stored",
               "the store does not keep what it is given: check its disk and logs")
      .with("object", name);
}

Sha256Digest digest_of_object(ObjectStore& store, const std::string& name, std::uint64_t size) {
  const std::unique_ptr<ObjectReader> reader = store.open(name);
  if (reader == nullptr || reader->size() != size) {
    throw different(name);
  }
  Sha256 hash;
  Bytes piece(manifest_piece);
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t got = reader->read(at, piece);
    if (got != std::min<std::uint64_t>(piece.size(), size - at)) {
      throw different(name).with("offset", at);
    }
    hash.update(ByteView(piece).first(got));
    at += got;
  }
  return hash.finish();
}

}  // namespace

struct ManifestWriter::State {
  State(const Repository& repository_in, std::string cluster_in, BackupId id_in, const std::string& spool_directory)
      : repository(repository_in),
        cluster(std::move(cluster_in)),
        id(std::move(id_in)),
        name(manifest_name(cluster, id)),
        spool(spool_directory),
        frames(repository, ObjectKind::manifest, name, block_compression, [this](ByteView bytes) {
          spool.append(bytes);
          hash.update(bytes);
        }) {}

  void add(const ManifestEntry& entry) {
    block.add(entry);
    ++totals.entries;
    if (entry.type == EntryType::file) {
      totals.file_bytes += entry.size;
      note_packs(entry.content);
    }
    if (block.size_limit() >= block_size) {
      write_block();
    }
  }

  void note_packs(const FileContent& content) {
    if (const auto* whole = std::get_if<ChunkContent>(&content)) {
      packs.insert(whole->chunk.pack);
    } else if (const auto* part = std::get_if<PartContent>(&content)) {
      packs.insert(part->chunk.pack);
    } else if (const auto* maps = std::get_if<MapsContent>(&content)) {
      for (const MapRange& range : maps->ranges) {
        packs.insert(range.map.pack);
      }
    }
  }

  void write_block() {
    payload.clear();
    block.finish(payload);
    frames.add(payload);
  }

  Stored finish() {
    if (!block.empty()) {
      write_block();
    }
    totals.packs = packs.take();
    frames.add(encode_end_block(totals), FrameWriter::Position::last);
    Stored stored{std::move(totals), spool.size(), hash.finish()};
    if (repository.store().put(name, FileBody(spool.fd(), spool.size(), spool.path())) == PutResult::already_exists) {
      throw Error(ErrorKind::failed, "the backup has a manifest already", "start the backup again: it gets a new id")
          .with("object", name);
    }
    read_back(stored);
    return stored;
  }

  // What a restore will read: every frame, and every byte.
  void read_back(const Stored& stored) const {
    ManifestReader reader(repository, cluster, id);
    while (reader.next() != nullptr) {
    }
    if (reader.totals().entries != stored.totals.entries || reader.totals().packs != stored.totals.packs ||
        digest_of_object(repository.store(), name, stored.object_size) != stored.object_digest) {
      throw different(name);
    }
  }

  const Repository& repository;
  const std::string cluster;
  const BackupId id;
  const std::string name;
  TemporaryFile spool;
  Sha256 hash;  // of the object's bytes
  ObjectFramesWriter frames;
  FileBlockBuilder block;
  Bytes payload;
  PackSet packs;
  ManifestTotals totals;
};

ManifestWriter::ManifestWriter(const Repository& repository, std::string cluster, BackupId id, const std::string& spool_directory)
    : state_(std::make_unique<State>(repository, std::move(cluster), std::move(id), spool_directory)) {}

ManifestWriter::~ManifestWriter() = default;

void ManifestWriter::add(const ManifestEntry& entry) { state_->add(entry); }

void ManifestWriter::need(const PackId& pack) { state_->packs.insert(pack); }

ManifestWriter::Stored ManifestWriter::finish() { return state_->finish(); }

}  // namespace pgrecall
