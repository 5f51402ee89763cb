// Makes the golden repositories of the format version that this checkout writes: golden_generate DIRECTORY. Run once for each
// format version; what it made is checked in and stays.

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "contents.h"
#include "repository/key_ring.h"
#include "repository/lease_record.h"
#include "repository/pack_writer.h"
#include "repository/relocation.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"

using namespace pgrecall;
using namespace pgrecall::golden;

namespace {

class Packs {
 public:
  explicit Packs(const Repository& repository) : writer_(repository, cluster, {}) {}
  ChunkRef add(const Bytes& raw, CompressionMethod method) {
    Compressor compressor({method, 1});
    return writer_.add(compressor.compress(raw), static_cast<std::uint32_t>(raw.size()), sha256(raw));
  }
  void finish() { writer_.finish(); }

 private:
  PackWriter writer_;
};

struct Stored {
  ChunkRef bundle, first_pages, laid_page, last_pages, whole, noise, moved, map;
};

ManifestEntry file(const std::string& path, std::uint64_t size, FileContent content) {
  return {EntryType::file, EntryTree::data_directory, path, 0600, 1'795'400'000, {}, size, std::move(content)};
}

ManifestEntry directory(const std::string& path) {
  return {EntryType::directory, EntryTree::data_directory, path, 0700, 1'795'400'000, {}, 0, ZeroContent()};
}

constexpr auto page_bytes = static_cast<std::uint32_t>(page_size);

ExtentMap map_in_full(const Stored& stored) {
  return {{stored.first_pages, stored.laid_page, stored.last_pages},
          {{0, 6 * page_bytes, 0, 0}, {2 * page_bytes, page_bytes, 1, 0}, {8 * page_bytes, 2 * page_bytes, 2, 0}}};
}

// Two small files in one chunk, behind each other.
Bytes bundle() {
  Bytes bytes = files_of(full).at("PG_VERSION");
  const Bytes control = files_of(full).at("global/pg_control");
  bytes.insert(bytes.end(), control.begin(), control.end());
  return bytes;
}

Stored store_full(const Repository& repository) {
  Stored stored;
  Packs packs(repository);
  stored.bundle = packs.add(bundle(), CompressionMethod::none);
  stored.first_pages = packs.add(pages(0, 6), CompressionMethod::zstd);
  stored.laid_page = packs.add(page(102), CompressionMethod::lz4);
  stored.last_pages = packs.add(pages(8, 2), CompressionMethod::zstd);
  stored.whole = packs.add(pages(20, 2), CompressionMethod::lz4);
  stored.noise = packs.add(noise(300), CompressionMethod::zstd);
  stored.map = packs.add(encode_extent_map(map_in_full(stored), 0), CompressionMethod::none);
  packs.finish();
  Packs old_pack(repository);
  stored.moved = old_pack.add(page(30), CompressionMethod::zstd);
  old_pack.finish();
  return stored;
}

void put_manifest(const Repository& repository, const BackupId& id, const Stored& stored, const ChunkRef& map) {
  const auto files = files_of(id);
  const auto part = [&](const std::string& path, std::uint32_t at) {
    return file(path, files.at(path).size(), PartContent{stored.bundle, at, sha256(files.at(path))});
  };
  ManifestWriter writer(repository, cluster, id, {});
  writer.add(part("PG_VERSION", 0));
  writer.add(directory("base"));
  writer.add(directory("base/5"));
  writer.add(file("base/5/16384", 10 * page_size, MapsContent{{{map, 10 * page_size}}}));
  writer.add(file("base/5/16384_fsm", 3 * page_size, ZeroContent()));
  writer.add(file("base/5/16385", 0, ZeroContent()));
  writer.add(file("base/5/2600", 2 * page_size, ChunkContent{stored.whole}));
  writer.add(file("base/5/2601", 300, ChunkContent{stored.noise}));
  writer.add(directory("global"));
  writer.add(part("global/pg_control", 3));
  writer.add({EntryType::symbolic_link, EntryTree::data_directory, "pg_wal", 0777, -1, "/mnt/wal", 0, ZeroContent()});
  writer.add(file("pg_tblspc/16401/PG_15_202209061/5/16400", page_size, ChunkContent{stored.moved}));
  ManifestEntry configuration = part("PG_VERSION", 0);
  configuration.tree = EntryTree::configuration;
  configuration.path = "postgresql.conf";
  writer.add(configuration);
  for (const ChunkRef& chunk : {stored.first_pages, map}) {
    writer.need(chunk.pack);
  }
  const ManifestWriter::Stored manifest = writer.finish();
  BackupSummary summary = summary_of(id);
  summary.manifest_size = manifest.object_size;
  summary.manifest_digest = manifest.object_digest;
  put_summary(repository, summary);
}

ChunkRef store_incremental(const Repository& repository, const Stored& stored) {
  Packs packs(repository);
  ExtentMap map = map_in_full(stored);
  map.chunks.push_back(packs.add(page(200), CompressionMethod::zstd));
  map.extents.push_back({0, page_bytes, 3, 0});
  const ChunkRef chunk = packs.add(encode_extent_map(map, 0), CompressionMethod::zstd);
  packs.finish();
  return chunk;
}

// As a sweep does that rewrites a pack.
void move_chunk(const Repository& repository, const ChunkRef& old) {
  Packs packs(repository);
  const ChunkRef moved = packs.add(page(30), CompressionMethod::lz4);
  packs.finish();
  Bytes payload;
  encode_relocations({{old.offset, moved.pack, moved.offset, moved.body_size}}, payload);
  const std::string name = relocation_name(cluster, old.pack);
  Bytes object;
  ObjectFramesWriter writer(repository, ObjectKind::relocation, name, Compression{},
                            [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
  writer.add(payload, FrameWriter::Position::last);
  if (repository.store().put(name, MemoryBody(object)) != PutResult::created ||
      !repository.store().remove(pack_name(cluster, old.pack))) {
    throw Error(ErrorKind::failed, "cannot move a chunk");
  }
}

void store_wal(const Repository& repository) {
  const auto put = [&](std::uint32_t from, const Bytes& bytes) {
    WalDescription description;
    description.system_identifier = system().system_identifier;
    description.segment = from == 0 ? segment : segment.next();
    description.from = from;
    description.length = bytes.size();
    description.major_version = 15;
    const auto source = [&](std::uint64_t offset, MutableByteView out) {
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    };
    static_cast<void>(put_wal(repository, cluster, description, source, Compression{}).result);
  };
  put(0, wal());
  put(tail_from, wal_tail());
  static_cast<void>(put_history(repository, golden_system(), 2, bytes_of(history)));
  put_wal_time(repository, cluster, golden_system().identifier, wal_time());
}

// Of a host that crashed long ago.
void put_left_lease(const Repository& repository) {
  const LeaseRecord record{{"db1 pid 4711", full.time(), full.time() + std::chrono::seconds(90), "backup"},
                           {"0123456789abcdef0123456789abcdef", 4711, 1000},
                           "feedfacefeedfacefeedfacefeedface"};
  const std::string text = format_lease(record);
  static_cast<void>(repository.store().put(std::string("leases/") + cluster, MemoryBody(bytes_of(text))) == PutResult::created);
}

void fill(const Repository& repository) {
  record_system(repository, cluster, system());
  const Stored stored = store_full(repository);
  put_manifest(repository, full, stored, stored.map);
  put_manifest(repository, incremental, stored, store_incremental(repository, stored));
  move_chunk(repository, stored.moved);
  store_wal(repository);
  put_mark(repository, cluster, full, "pinned", full.time(), "audit");
  put_mark(repository, cluster, full, "verified", incremental.time(), "");
  put_mark(repository, cluster, incremental, "pinned", full.time(), "");
  put_mark(repository, cluster, incremental, "unpinned", full.time(), "");
  put_mark(repository, cluster, incremental, "damaged", incremental.time(), "a test");
  put_left_lease(repository);
}

void generate(const std::string& directory) {
  const ManualClock clock(full.time());
  const auto plain_store = open_store(directory + "/plain");
  fill(Repository::create(*plain_store, Repository::Sealing::none, {}, clock));
  const KeySource key{directory + "/wrapping.key", {}};
  const auto sealed_store = open_store(directory + "/sealed");
  const Repository sealed = Repository::create(*sealed_store, Repository::Sealing::sealed, key, clock);
  fill(sealed);
  static_cast<void>(
      put_wrapped_key(*sealed_store, sealed.identity().id, *sealed.data_key(), {{}, Secret(passphrase)}, clock.now()));
  // What the store keeps for itself is no part of the format.
  for (const char* name : {"/plain", "/sealed"}) {
    std::filesystem::remove_all(directory + name + "/.pgrecall+tmp");
  }
  std::ofstream(directory + "/exported.key") << sealed.export_key().reveal();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: golden_generate DIRECTORY\n");
    return 2;
  }
  try {
    generate(std::filesystem::absolute(argv[1]).string());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
