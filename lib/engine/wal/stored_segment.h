#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/lsn.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// Where the WAL of one system is to be found.
struct WalPlaces {
  const Repository& repository;
  ClusterSystem system;
  std::string spool;  // directory of all spools, where a receiver on this host works; empty: none
};

// One segment as it was put together from the segment object, or from tails, or from these and the receiver's spool.
struct StoredSegment {
  WalSegment segment;
  std::uint64_t held = 0;  // bytes from its start that are known; what is behind them is to be zeros
};

// Gives the `held` bytes of the segment of that file name to `sink`, in order. Checked: every byte of the repository's objects,
// and that the pages are of this segment and system. Nothing when none of the places has the segment's first byte.
// Error{corruption}, Error{store_unreachable} and the like when it is there and cannot be had; the sink has then got a part of
// it.
[[nodiscard]] std::optional<StoredSegment> read_stored_segment(const WalPlaces& places, std::string_view file_name,
                                                               const std::function<void(ByteView)>& sink);

// True for 24 upper-case hexadecimal digits, as a segment's file is named.
[[nodiscard]] bool is_segment_name(std::string_view file_name) noexcept;

}  // namespace pgrecall
