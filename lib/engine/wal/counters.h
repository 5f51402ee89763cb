#pragma once

#include <atomic>
#include <cstdint>

#include "base/histogram.h"

namespace pgrecall {

// What receivers of one cluster's WAL have done, over all of them and all their connections. Safe for many threads, without a
// lock.
struct WalCounters {
  std::atomic<std::uint64_t> received_bytes{0};   // as the server sent them; what it sent twice counts twice
  std::atomic<std::uint64_t> stored_segments{0};  // whole ones, in the repository
  std::atomic<std::uint64_t> failures{0};         // connections that ended by an error, or could not be made
  DurationHistogram acknowledge;                  // from receiving WAL to telling the server that it is safe
};

}  // namespace pgrecall
