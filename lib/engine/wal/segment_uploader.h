#pragma once

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "codec/compression.h"
#include "engine/wal/received.h"
#include "engine/wal/spool.h"
#include "engine/wal/store_health.h"
#include "repository/repository.h"

namespace pgrecall {

// Whose WAL is stored where, and how.
struct WalStoring {
  ClusterSystem system;
  unsigned major_version = 0;
  Compression compression;
};

// Threads that put what ReceivedWal hands out into the repository and then remove it from the spool. A store that fails is tried
// again for ever; until then everything stays in the spool. What the repository refuses stays there too, and is told of once.
class SegmentUploader {
 public:
  SegmentUploader(const Repository& repository, WalStoring storing, WalSpool& spool, ReceivedWal& received, StoreHealth& health,
                  WalEvents& events, unsigned threads);
  // Cancels what is left.
  ~SegmentUploader();
  SegmentUploader(const SegmentUploader&) = delete;
  SegmentUploader& operator=(const SegmentUploader&) = delete;

  // After ReceivedWal::finish(): stores what is left, but gives up at the first failure of the store.
  void finish();

 private:
  void run();
  // False when it was given up.
  [[nodiscard]] bool store(const SpoolItem& item);
  void put(const SpoolItem& item);
  void put_rest(const SpoolItem& item);
  void put_file(const SpoolItem& item, const std::string& path, std::uint32_t from);
  void put_history_file(const SpoolItem& item);
  void refuse(const SpoolItem& item, const Error& error);

  const Repository& repository_;
  const WalStoring storing_;
  WalSpool& spool_;
  ReceivedWal& received_;
  StoreHealth& health_;
  WalEvents& events_;
  std::stop_source stop_;
  std::vector<std::jthread> threads_;
};

// Error{store_unreachable} when the repository is gone from its address: where its file system is not mounted, WAL would be
// stored into the directory beneath, and removed from the spool.
void require_repository(const Repository& repository);
// The same behind a put, for a file system that came or went meanwhile.
void require_stored(const Repository& repository, const std::string& object_name);
// The end of the tails of a segment that the repository has, without a gap from the segment's start on.
[[nodiscard]] Lsn stored_tail_end(const Repository& repository, const ClusterSystem& system, const WalSegment& segment);

}  // namespace pgrecall
