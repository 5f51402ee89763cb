#include "postgres/heap_page.h"

#include <algorithm>

namespace pgrecall {

namespace {

constexpr std::size_t page_header_size = 24;
constexpr std::size_t lower_offset = 12;  // pd_lower
constexpr std::size_t line_pointer_size = 4;
constexpr std::uint32_t normal_line_pointer = 1;  // LP_NORMAL

constexpr std::size_t xmax_offset = 4;
constexpr std::size_t infomask_offset = 20;
constexpr std::size_t header_size_offset = 22;  // t_hoff
constexpr std::uint16_t xmax_lock_only = 0x0080;
constexpr std::uint16_t xmax_invalid = 0x0800;

}  // namespace

std::optional<HeapTuple> parse_heap_tuple(ByteView tuple) noexcept {
  if (tuple.size() < heap_tuple_header_size) {
    return std::nullopt;
  }
  const auto header_size = std::to_integer<std::size_t>(tuple[header_size_offset]);
  if (header_size < heap_tuple_header_size || header_size > tuple.size()) {
    return std::nullopt;
  }
  const auto infomask = load_little<std::uint16_t>(tuple.data() + infomask_offset);
  const auto xmax = load_little<std::uint32_t>(tuple.data() + xmax_offset);
  return HeapTuple{.data = tuple.subspan(header_size),
                   .superseded = xmax != 0 && (infomask & (xmax_invalid | xmax_lock_only)) == 0};
}

void for_each_heap_tuple(ByteView page, const std::function<void(std::uint16_t, const HeapTuple&)>& visit) {
  if (page.size() < page_header_size) {
    return;
  }
  const std::size_t lower = std::min<std::size_t>(load_little<std::uint16_t>(page.data() + lower_offset), page.size());
  std::uint16_t number = 1;
  for (std::size_t at = page_header_size; at + line_pointer_size <= lower; at += line_pointer_size, ++number) {
    const auto pointer = load_little<std::uint32_t>(page.data() + at);
    const std::size_t offset = pointer & 0x7FFFU;
    const std::size_t length = pointer >> 17U;
    if (((pointer >> 15U) & 3U) != normal_line_pointer || offset < lower || offset + length > page.size()) {
      continue;
    }
    if (const auto tuple = parse_heap_tuple(page.subspan(offset, length))) {
      visit(number, *tuple);
    }
  }
}

}  // namespace pgrecall
