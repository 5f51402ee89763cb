#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "codec/compression.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// docs/repository-format.md, "WAL".
struct WalDescription {
  std::uint64_t system_identifier = 0;
  WalSegment segment;
  std::uint32_t from = 0;  // offset in the segment of the first byte held; 0 for a whole segment
  std::uint64_t length = 0;
  unsigned major_version = 0;
  Sha256Digest digest;  // of the concatenated digests of the 1 MiB pieces
};

// Reads out.size() bytes at `offset` from the start of what is to be stored.
using WalSource = std::function<void(std::uint64_t offset, MutableByteView out)>;

enum class [[nodiscard]] WalPutResult{stored, already_there};

struct WalStored {
  WalPutResult result = WalPutResult::stored;
  std::uint64_t object_size = 0;
};

// Stores a segment (description.length == segment size) or a tail of it, then reads it back whole. The same bytes under the same
// name are `already_there`; other bytes are Error{corruption} naming the object, and nothing is overwritten. `description.digest`
// is computed here. Checking page headers is the caller's.
WalStored put_wal(const Repository& repository, const std::string& cluster, WalDescription description, const WalSource& source,
                  Compression compression);

// Streams the bytes of a stored segment or tail to `sink`, and checks all of them. Nothing when absent.
std::optional<WalDescription> read_wal(const Repository& repository, const std::string& object_name, ObjectKind kind,
                                       const std::function<void(ByteView)>& sink);

// What is stored of one segment: the whole, or tails in order of their offset. Empty when nothing is.
struct WalObjects {
  bool whole = false;
  struct Tail {
    std::string object_name;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
  };
  std::vector<Tail> tails;
};
[[nodiscard]] WalObjects find_wal(const Repository& repository, const ClusterSystem& system, const WalSegment& segment);

PutResult put_history(const Repository& repository, const ClusterSystem& system, Timeline timeline, ByteView contents);
[[nodiscard]] std::optional<Bytes> read_history(const Repository& repository, const ClusterSystem& system, Timeline timeline);

}  // namespace pgrecall
