#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/verify_context.h"
#include "repository/manifest.h"
#include "repository/summary.h"

namespace pgrecall {

// The part of a chunk that is a run of one file.
struct ChunkUse {
  std::string file;
  EntryTree tree = EntryTree::data_directory;
  std::uint64_t file_offset = 0;
  std::uint64_t length = 0;
  std::uint32_t offset_in_chunk = 0;
  std::optional<Sha256Digest> digest;  // of these bytes, where the manifest tells it
};

// Reads one chunk, checks it, and checks what files have of it: their digests and their pages' checksums. `summary` is the
// backup's; null for a chunk that no backup uses. In a worker's thread.
void verify_chunk(const VerifyContext& context, VerifyWorker& worker, const VerifyPacks::Place& place,
                  const BackupSummary* summary, const std::vector<ChunkUse>& uses);

// Reads a chunk into `raw`, with its number in the pack, which its own bytes do not tell. Error{corruption}.
void read_placed_chunk(const VerifyContext& context, ChunkReader& reader, const VerifyPacks::Place& place, Bytes& raw);

// True for a chunk that is in the sample.
[[nodiscard]] bool sampled(const VerifyRequest& request, const ChunkRef& chunk) noexcept;

}  // namespace pgrecall
