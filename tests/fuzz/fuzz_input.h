#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace pgrecall::fuzzing {

inline ByteView view_of(const std::uint8_t* data, std::size_t size) { return std::as_bytes(std::span(data, size)); }

// Ends the process, which libFuzzer reports with its input, when what must hold for every input does not.
inline void demand(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// Parsers may refuse, but only as corruption: any other exception, or another kind of Error, is a finding. Whether it was
// accepted.
template <typename Parse>
bool accepts(Parse&& parse) {
  try {
    std::forward<Parse>(parse)();
    return true;
  } catch (const Error& error) {
    demand(error.kind() == ErrorKind::corruption);
    return false;
  }
}

// Feeds a push parser in pieces whose sizes the input's own bytes choose: state that is lost between pieces shows so.
template <typename Parser>
void feed_in_pieces(Parser& parser, ByteView bytes) {
  std::size_t piece = 1;
  while (!bytes.empty()) {
    piece = (piece * 31 + std::to_integer<std::size_t>(bytes.front())) % 700 + 1;
    const std::size_t taken = std::min(piece, bytes.size());
    parser.feed(bytes.first(taken));
    bytes = bytes.subspan(taken);
  }
}

}  // namespace pgrecall::fuzzing
