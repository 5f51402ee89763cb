#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"

namespace pgrecall {

// Tuples of heap pages: ItemIdData in src/include/storage/itemid.h, PageHeaderData in src/include/storage/bufpage.h,
// HeapTupleHeaderData in src/include/access/htup_details.h; the same in PostgreSQL 13 to 18, little-endian.

inline constexpr std::size_t heap_tuple_header_size = 23;  // SizeofHeapTupleHeader: what follows is the bitmap of nulls

struct HeapTuple {
  ByteView data;            // of its columns, behind header, bitmap of nulls and padding
  bool superseded = false;  // deleted, updated or locked by a transaction that may have committed
};

// Nothing when the bytes are too few for what their header says.
[[nodiscard]] std::optional<HeapTuple> parse_heap_tuple(ByteView tuple) noexcept;

// Every tuple that a line pointer of the page leads to, with the number of that (1 is the first). What cannot be is passed over:
// the page may be of a time when it was being written, or none at all.
void for_each_heap_tuple(ByteView page, const std::function<void(std::uint16_t, const HeapTuple&)>& visit);

}  // namespace pgrecall
