#include "repository/chunk.h"

#include <algorithm>
#include <limits>
#include <queue>

#include "repository/chunk_table.h"

namespace pgrecall {

namespace {

constexpr std::string_view map_magic = "XMAP";
constexpr std::size_t least_extent_size = 4;  // four varints

bool within_chunk(const Extent& extent, const std::vector<ChunkRef>& chunks) {
  return extent.length != 0 && extent.chunk < chunks.size() &&
         std::uint64_t{extent.offset_in_chunk} + extent.length <= chunks[extent.chunk].raw_size;
}

std::uint64_t end_of(const Extent& extent) { return extent.file_offset + extent.length; }

bool in_order_and_apart(const std::vector<Extent>& laid) {
  for (std::size_t i = 1; i < laid.size(); ++i) {
    if (laid[i].file_offset < end_of(laid[i - 1])) {
      return false;
    }
  }
  return true;
}

// The extents that begin at or before the sweep's place, the one laid last on top.
class Sweep {
 public:
  explicit Sweep(const std::vector<Extent>& laid) : laid_(laid) {
    by_start_.resize(laid.size());
    edges_.reserve(2 * laid.size());
    for (std::size_t i = 0; i < laid.size(); ++i) {
      by_start_[i] = i;
      edges_.push_back(laid[i].file_offset);
      edges_.push_back(end_of(laid[i]));
    }
    std::stable_sort(by_start_.begin(), by_start_.end(),
                     [&](std::size_t a, std::size_t b) { return laid_[a].file_offset < laid_[b].file_offset; });
    std::sort(edges_.begin(), edges_.end());
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  }

  std::vector<Extent> run() {
    for (std::size_t i = 0; i + 1 < edges_.size(); ++i) {
      enter(edges_[i]);
      if (!top_.empty()) {
        show(top_.top(), edges_[i], edges_[i + 1]);
      }
    }
    return std::move(visible_);
  }

 private:
  void enter(std::uint64_t at) {
    for (; next_ < by_start_.size() && laid_[by_start_[next_]].file_offset <= at; ++next_) {
      top_.push(by_start_[next_]);
    }
    while (!top_.empty() && end_of(laid_[top_.top()]) <= at) {
      top_.pop();
    }
  }

  void show(std::size_t which, std::uint64_t from, std::uint64_t to) {
    const auto length = static_cast<std::uint32_t>(to - from);
    if (which == last_shown_ && end_of(visible_.back()) == from) {
      visible_.back().length += length;
      return;
    }
    const Extent& extent = laid_[which];
    const auto skipped = static_cast<std::uint32_t>(from - extent.file_offset);
    visible_.push_back({from, length, extent.chunk, extent.offset_in_chunk + skipped});
    last_shown_ = which;
  }

  const std::vector<Extent>& laid_;
  std::vector<std::size_t> by_start_;
  std::vector<std::uint64_t> edges_;
  std::priority_queue<std::size_t> top_;
  std::size_t next_ = 0;
  std::size_t last_shown_ = std::numeric_limits<std::size_t>::max();
  std::vector<Extent> visible_;
};

}  // namespace

Bytes encode_extent_map(const ExtentMap& map, std::uint64_t range_start) {
  Bytes out;
  out.reserve(16 + map.chunks.size() * 48 + map.extents.size() * 8);
  append_bytes(out, bytes_of(map_magic));
  append_chunk_table(out, map.chunks);
  append_varint(out, map.extents.size());
  std::uint64_t end = range_start;
  for (const Extent& extent : map.extents) {
    if (!within_chunk(extent, map.chunks)) {
      throw Error(ErrorKind::failed, "an extent lies outside of its chunk").with("file_offset", extent.file_offset);
    }
    append_zigzag(out, static_cast<std::int64_t>(extent.file_offset - end));
    append_varint(out, extent.length);
    append_varint(out, extent.chunk);
    append_varint(out, extent.offset_in_chunk);
    end = end_of(extent);
  }
  return out;
}

ExtentMap decode_extent_map(ByteView bytes, std::uint64_t range_start, std::uint64_t range_length, std::string_view object_name) {
  PayloadReader payload(bytes, object_name);
  if (text_of(payload.take(map_magic.size())) != map_magic) {
    payload.fail("not an extent map");
  }
  ExtentMap map;
  read_chunk_table(payload, map.chunks);
  const std::size_t count = payload.count(least_extent_size);
  map.extents.reserve(count);
  std::uint64_t end = range_start;
  for (std::size_t i = 0; i < count; ++i) {
    Extent extent;
    // Wraps where the distance is hostile; the range check below then refuses it.
    extent.file_offset = end + static_cast<std::uint64_t>(payload.zigzag());
    extent.length = static_cast<std::uint32_t>(payload.varint_up_to(UINT32_MAX, "extent is too long"));
    extent.chunk = static_cast<std::uint32_t>(payload.varint_up_to(UINT32_MAX, "extent names no chunk"));
    extent.offset_in_chunk = static_cast<std::uint32_t>(payload.varint_up_to(UINT32_MAX, "extent lies outside of its chunk"));
    if (!within_chunk(extent, map.chunks)) {
      payload.fail("extent lies outside of its chunk");
    }
    const std::uint64_t at = extent.file_offset - range_start;
    if (extent.file_offset < range_start || at > range_length || extent.length > range_length - at) {
      payload.fail("extent lies outside of the map's range");
    }
    map.extents.push_back(extent);
    end = end_of(extent);
  }
  if (!payload.done()) {
    payload.fail("bytes follow the extent map");
  }
  return map;
}

std::vector<Extent> flatten(const std::vector<Extent>& laid) {
  if (in_order_and_apart(laid)) {
    return laid;
  }
  return Sweep(laid).run();
}

}  // namespace pgrecall
