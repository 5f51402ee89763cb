#include "repository/wal_inventory.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "repository/names.h"

namespace pgrecall {

namespace {

constexpr std::size_t segment_digits = 24;

std::uint32_t hexadecimal(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

class Listing {
 public:
  explicit Listing(WalInventory& inventory) : inventory_(inventory) {}

  void enter(const std::string& object_name) {
    const ParsedName name = parse_object_name(object_name);
    if (name.kind == NameKind::history) {
      inventory_.histories.insert(hexadecimal(std::string_view(name.rest).substr(0, 8)));
    } else if (name.kind == NameKind::wal_time) {
      const WalTime at = wal_time_of(object_name);
      inventory_.timelines[at.timeline].times.push_back(at);
    } else if (name.kind == NameKind::wal_segment || name.kind == NameKind::wal_tail) {
      const auto segment = WalSegment::parse(std::string_view(name.rest).substr(0, segment_digits), inventory_.segment_size);
      if (segment && name.kind == NameKind::wal_segment) {
        segments_[segment->timeline].push_back(segment->number);
      } else if (segment) {
        const std::string_view range = std::string_view(name.rest).substr(segment_digits + 1);
        inventory_.timelines[segment->timeline].tails.push_back(
            {*segment, hexadecimal(range.substr(0, 8)), hexadecimal(range.substr(9))});
      }
    }
  }

  void finish() {
    for (auto& [timeline, numbers] : segments_) {
      std::ranges::sort(numbers);
      auto& ranges = inventory_.timelines[timeline].ranges;
      for (const std::uint64_t number : numbers) {
        if (!ranges.empty() && ranges.back().last + 1 == number) {
          ranges.back().last = number;
        } else {
          ranges.push_back({number, number});
        }
      }
    }
    for (auto& [timeline, wal] : inventory_.timelines) {
      std::ranges::sort(wal.times);
      std::erase_if(wal.tails, [&ranges = wal.ranges](const TimelineWal::Tail& tail) {
        return std::ranges::any_of(ranges, [&](const TimelineWal::Range& range) {
          return range.first <= tail.segment.number && tail.segment.number <= range.last;
        });
      });
      std::ranges::sort(wal.tails, {},
                        [](const TimelineWal::Tail& tail) { return std::tuple(tail.segment.number, tail.from, tail.to); });
    }
  }

 private:
  WalInventory& inventory_;
  std::map<Timeline, std::vector<std::uint64_t>> segments_;
};

}  // namespace

std::optional<Lsn> TimelineWal::unbroken_until(Lsn from, std::uint32_t segment_size) const {
  Lsn end = from;
  const auto range = std::ranges::find_if(ranges, [&](const Range& each) {
    return each.first <= from.value / segment_size && from.value / segment_size <= each.last;
  });
  if (range != ranges.end()) {
    end = Lsn{(range->last + 1) * segment_size};
  }
  for (const Tail& tail : tails) {
    const Lsn start = tail.segment.start();
    if (start.value + tail.from <= end.value && end.value < start.value + tail.to) {
      end = Lsn{start.value + tail.to};
    }
  }
  return end == from ? std::nullopt : std::optional(end);
}

WalInventory list_wal(const Repository& repository, const ClusterSystem& system, std::uint32_t segment_size) {
  WalInventory inventory{.segment_size = segment_size, .timelines = {}, .histories = {}};
  Listing listing(inventory);
  repository.store().list(wal_prefix(system), [&](const ObjectInfo& object) { listing.enter(object.name); });
  listing.finish();
  return inventory;
}

}  // namespace pgrecall
