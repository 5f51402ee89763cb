#include <algorithm>
#include <deque>

#include "repository/manifest.h"
#include "repository/manifest_block.h"

namespace pgrecall {

namespace {

constexpr std::size_t spool_piece = 256U << 10U;
constexpr std::size_t length_size = 4;
// Reads most entries at once, length included.
constexpr std::size_t first_read = 512;

// FNV-1a over tree and path. Equal hashes of different paths only cost another read: find() compares the path itself.
std::uint64_t hash_of(EntryTree tree, std::string_view path) {
  std::uint64_t hash = 0xCBF29CE484222325U ^ static_cast<std::uint64_t>(tree);
  for (const char letter : path) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3U;
  }
  return hash;
}

struct Place {
  std::uint64_t hash = 0;
  std::uint64_t offset = 0;  // in the spool: length (4 bytes) and a file block of one entry
};

}  // namespace

struct ManifestIndex::State {
  State(const Repository& repository, std::string_view cluster, const BackupId& id, const std::string& spool_directory)
      : name(manifest_name(cluster, id)), spool(spool_directory) {
    ManifestReader reader(repository, cluster, id);
    FileBlockBuilder block;
    Bytes pending;
    while (const ManifestEntry* entry = reader.next()) {
      if (entry->type == EntryType::file) {
        append(*entry, block, pending);
      }
    }
    spool.append(pending);
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.hash < b.hash; });
  }

  void append(const ManifestEntry& entry, FileBlockBuilder& block, Bytes& pending) {
    places.push_back({hash_of(entry.tree, entry.path), spool.size() + pending.size()});
    const std::size_t at = pending.size();
    pending.resize(at + length_size);
    block.add(entry);
    block.finish(pending);
    store_little<std::uint32_t>(pending.data() + at, static_cast<std::uint32_t>(pending.size() - at - length_size));
    if (pending.size() >= spool_piece) {
      spool.append(pending);
      pending.clear();
    }
  }

  // The entry, when it is the one that is asked for.
  [[nodiscard]] std::optional<ManifestEntry> read(std::uint64_t offset, EntryTree tree, std::string_view path) const {
    Bytes bytes(std::min<std::uint64_t>(first_read, spool.size() - offset));
    spool.read(offset, bytes);
    const std::size_t size = length_size + load_little<std::uint32_t>(bytes.data());
    if (size > bytes.size()) {
      const std::size_t had = bytes.size();
      bytes.resize(size);
      spool.read(offset + had, MutableByteView(bytes).subspan(had));
    }
    FileBlockCursor cursor;
    cursor.begin(ByteView(bytes).subspan(length_size + 1, size - length_size - 1), name);
    const ManifestEntry* entry = cursor.next();
    if (entry == nullptr || entry->tree != tree || entry->path != path) {
      return std::nullopt;
    }
    return *entry;
  }

  [[nodiscard]] std::optional<ManifestEntry> find(EntryTree tree, std::string_view path) const {
    const std::uint64_t hash = hash_of(tree, path);
    auto at = std::lower_bound(places.begin(), places.end(), hash,
                               [](const Place& place, std::uint64_t value) { return place.hash < value; });
    for (; at != places.end() && at->hash == hash; ++at) {
      if (std::optional<ManifestEntry> entry = read(at->offset, tree, path)) {
        return entry;
      }
    }
    return std::nullopt;
  }

  const std::string name;
  TemporaryFile spool;
  // Sorted by hash. A deque grows without ever holding two copies of itself.
  std::deque<Place> places;
};

ManifestIndex::ManifestIndex(const Repository& repository, std::string_view cluster, const BackupId& id,
                             const std::string& spool_directory)
    : state_(std::make_unique<State>(repository, cluster, id, spool_directory)) {}

ManifestIndex::~ManifestIndex() = default;

std::optional<ManifestEntry> ManifestIndex::find(EntryTree tree, std::string_view path) const { return state_->find(tree, path); }

}  // namespace pgrecall
