#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "repository/repository.h"
#include "repository/wal_times.h"

namespace pgrecall {

// The WAL of one timeline that a repository holds, as its listing says. Compact: runs of segments, not segments.
struct TimelineWal {
  struct Range {
    std::uint64_t first = 0;  // numbers of whole segments, both included
    std::uint64_t last = 0;
  };
  struct Tail {
    WalSegment segment;
    std::uint32_t from = 0;  // offsets in the segment, bytes
    std::uint32_t to = 0;
  };
  std::vector<Range> ranges;   // in order, apart from each other
  std::vector<Tail> tails;     // of segments that are not whole, by segment and offset
  std::vector<WalTime> times;  // by LSN, then time

  // The end of the WAL that is here without a gap from `from` on (whole segments, then tails); nothing when the bytes at `from`
  // are not here.
  [[nodiscard]] std::optional<Lsn> unbroken_until(Lsn from, std::uint32_t segment_size) const;
};

struct WalInventory {
  std::uint32_t segment_size = 0;
  std::map<Timeline, TimelineWal> timelines;
  std::set<Timeline> histories;  // timelines whose history file is stored
};

// One listing, of one system's WAL. Names of another segment size than this are passed over.
[[nodiscard]] WalInventory list_wal(const Repository& repository, const ClusterSystem& system, std::uint32_t segment_size);

}  // namespace pgrecall
