#include "repository/manifest.h"
#include "repository/manifest_block.h"

namespace pgrecall {

struct ManifestReader::State {
  State(const Repository& repository, std::string_view cluster, const BackupId& id)
      : name(manifest_name(cluster, id)), frames(ObjectFrames::open(repository, ObjectKind::manifest, name)) {
    if (!frames) {
      throw Error(ErrorKind::corruption, "manifest is missing", "run pgrecall list to see which backups are complete")
          .with("object", name);
    }
  }

  const ManifestEntry* next() {
    while (!totals) {
      const ManifestEntry* entry = in_block ? cursor.next() : nullptr;
      if (entry != nullptr) {
        ++entries;
        file_bytes += entry->size;
        return entry;
      }
      next_block();
    }
    return nullptr;
  }

  void next_block() {
    const std::optional<ByteView> payload = frames->next();
    if (!payload) {
      throw Error(ErrorKind::corruption, "manifest has no end block", "run pgrecall verify to see what else is damaged")
          .with("object", name);
    }
    const std::byte type = payload->empty() ? std::byte{0} : payload->front();
    if (type == std::byte{file_block_type}) {
      cursor.begin(payload->subspan(1), name);
      in_block = true;
      return;
    }
    if (type != std::byte{end_block_type}) {
      throw Error(ErrorKind::corruption, "manifest block of an unknown type", "run pgrecall verify to see what else is damaged")
          .with("object", name);
    }
    end(decode_end_block(payload->subspan(1), name));
  }

  void end(ManifestTotals found) {
    if (found.entries != entries || found.file_bytes != file_bytes) {
      throw Error(ErrorKind::corruption, "manifest does not hold what its end block says",
                  "run pgrecall verify to see what else is damaged")
          .with("object", name)
          .with("expected", found.entries)
          .with("found", entries);
    }
    if (frames->next()) {
      throw Error(ErrorKind::corruption, "blocks follow the manifest's end block",
                  "run pgrecall verify to see what else is damaged")
          .with("object", name);
    }
    totals.emplace(std::move(found));
  }

  const std::string name;
  std::optional<ObjectFrames> frames;
  FileBlockCursor cursor;
  bool in_block = false;
  std::uint64_t entries = 0;
  std::uint64_t file_bytes = 0;
  std::optional<ManifestTotals> totals;
};

ManifestReader::ManifestReader(const Repository& repository, std::string_view cluster, const BackupId& id)
    : state_(std::make_unique<State>(repository, cluster, id)) {}

ManifestReader::~ManifestReader() = default;

const ManifestEntry* ManifestReader::next() { return state_->next(); }

const ManifestTotals& ManifestReader::totals() const {
  if (!state_->totals) {
    throw Error(ErrorKind::failed, "the totals of a manifest are known at its end only").with("object", state_->name);
  }
  return *state_->totals;
}

}  // namespace pgrecall
