#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "engine/wal/stored_segment.h"
#include "io/bounded_queue.h"
#include "postgres/timeline_history.h"

namespace pgrecall {

// Reads the segment of this number as PostgreSQL picks it: of the newest timeline of the history that wrote into it, whose copy
// begins with what the older ones wrote; of an older one where that is not there. Errors as of read_stored_segment().
[[nodiscard]] std::optional<StoredSegment> read_segment_of(const WalPlaces& places, const TimelineHistory& history,
                                                           std::uint64_t number, std::uint32_t segment_size,
                                                           const std::function<void(ByteView)>& sink);

// Reads stored WAL forwards: fetches, opens and decompresses the next segments on other threads while the caller works on one.
// Memory: 17 MiB for each worker, and as much again. For one thread.
class WalReadAhead {
 public:
  struct Source {
    const WalPlaces& places;
    const TimelineHistory& history;
    std::uint32_t segment_size = 0;
    std::function<std::optional<std::uint64_t>()> next_number;  // of the segments, in order; called by the caller's thread
    unsigned workers = 2;
  };
  enum class What {
    bytes,
    end,      // of the segment; less than a whole one was there when fewer bytes came
    missing,  // no byte of the segment
    damaged,  // what came before is right as far as it goes
  };
  struct Piece {
    std::uint64_t segment = 0;
    What what = What::bytes;
    Bytes bytes;
    std::string problem;  // of damage
  };

  explicit WalReadAhead(Source source);
  ~WalReadAhead();
  WalReadAhead(const WalReadAhead&) = delete;
  WalReadAhead& operator=(const WalReadAhead&) = delete;

  // All pieces of one segment, then the next one's. Nothing behind the last. Errors of the store are thrown.
  [[nodiscard]] std::optional<Piece> next();

 private:
  struct Fetched {
    Piece piece;
    std::exception_ptr failure;
  };
  struct Fetch {
    explicit Fetch(std::uint64_t segment_number);
    std::uint64_t number;
    BoundedQueue<Fetched> pieces;
  };

  void start_fetches();
  void work();
  void fetch(Fetch& job) const;

  Source source_;
  BoundedQueue<std::shared_ptr<Fetch>> waiting_;
  std::deque<std::shared_ptr<Fetch>> in_order_;
  std::vector<std::jthread> threads_;
};

}  // namespace pgrecall
