#pragma once

#include <cstdint>
#include <string>

#include "codec/compression.h"
#include "repository/repository.h"

namespace pgrecall {

// One file that a server's archive_command hands in.
struct WalPushRequest {
  std::string cluster;  // empty: the one cluster of the repository that has the file's system identifier
  std::string path;     // %p; its last part tells what it is
  Compression compression;
};

enum class WalPushOutcome {
  stored,
  already_there,  // the very same bytes
  ignored,        // a .backup file: PostgreSQL archives it for people; recovery from this repository never asks for it
};

struct WalPushed {
  WalPushOutcome outcome = WalPushOutcome::stored;
  std::string cluster;
  std::string file;               // "000000010000000000000005"
  std::string object;             // empty when ignored
  std::uint64_t object_size = 0;  // bytes; 0 for a history
};

// Stores a segment, the last segment of a timeline that ended (.partial) or one that its server still writes (both as a tail, up
// to their last whole record), or a timeline's history. Once this returns,
// what was pushed is durable and was read back: the server may remove it. Doing it again, or on two hosts at once, is harmless.
// Error{corruption} for damaged pages, for WAL of another cluster than the one named, and for other bytes under a name that is
// taken. Error{usage} when it cannot be told which cluster is meant, or the name is none that PostgreSQL archives.
[[nodiscard]] WalPushed push_wal(const Repository& repository, const WalPushRequest& request);

}  // namespace pgrecall
