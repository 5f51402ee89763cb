#pragma once

#include <map>
#include <optional>

#include "base/lsn.h"
#include "postgres/timeline_history.h"

namespace pgrecall {

// What is known when a stream is to begin.
struct StreamSituation {
  Timeline server_timeline = 0;
  TimelineHistory history;       // of the server's timeline; no ancestors on timeline 1
  std::map<Timeline, Lsn> held;  // for each timeline, where the WAL that we hold of it ends
  Lsn oldest_on_server;          // where the slot keeps WAL from, or else the server's present position
  std::uint32_t segment_size = 0;
};

struct StreamStart {
  Timeline timeline = 0;
  Lsn lsn;
  // WAL that we hold and that is no part of the server's timeline.
  struct Lost {
    Timeline timeline = 0;
    Lsn from;   // where the server's history left it; 0/0 when it is no ancestor at all
    Lsn until;  // the end of what we hold
  };
  std::optional<Lost> lost;
};

// Where to go on so that nothing is missing: behind what we hold on the newest timeline that leads to the server's, or, where
// that timeline ended before, at the start of the segment in which the next one begins. Error{database_unreachable}, passing,
// when the server is on an older timeline than what we hold: a primary that was replaced.
[[nodiscard]] StreamStart plan_stream(const StreamSituation& situation);
// After a gap: as early as the server can.
[[nodiscard]] StreamStart plan_fresh_stream(const StreamSituation& situation);

}  // namespace pgrecall
