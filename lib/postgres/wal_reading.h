#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/lsn.h"

// What the parts of WalRecordReader share; of no use to others.
namespace pgrecall::wal_reading {

inline constexpr std::size_t wal_short_header_size = 24;  // of every page but a segment's first
// In the header of a segment's first page, XLogLongPageHeaderData.
inline constexpr std::size_t wal_system_identifier_offset = 24;
inline constexpr std::size_t wal_segment_size_offset = 32;
inline constexpr std::size_t wal_page_size_offset = 36;

inline Error bad(std::string_view what, Lsn at) {
  return Error(ErrorKind::corruption, std::string(what)).with("lsn", at.to_string());
}

inline Error bad(std::string_view what, Lsn at, std::uint64_t found, std::uint64_t expected) {
  return bad(what, at).with("found", found).with("expected", expected);
}

}  // namespace pgrecall::wal_reading
