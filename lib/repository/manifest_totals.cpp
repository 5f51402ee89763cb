#include "repository/manifest.h"
#include "repository/manifest_block.h"

namespace pgrecall {

ManifestTotals read_manifest_totals(const Repository& repository, std::string_view cluster, const BackupId& id) {
  const std::string name = manifest_name(cluster, id);
  auto frames = ObjectFrames::open(repository, ObjectKind::manifest, name);
  if (!frames) {
    throw Error(ErrorKind::corruption, "manifest is missing", "run pgrecall verify to see what else is damaged")
        .with("object", name);
  }
  const auto payload = frames->last();
  if (payload.empty() || payload.front() != std::byte{end_block_type}) {
    throw Error(ErrorKind::corruption, "manifest has no end block", "run pgrecall verify to see what else is damaged")
        .with("object", name);
  }
  return decode_end_block(payload.subspan(1), name);
}

}  // namespace pgrecall
