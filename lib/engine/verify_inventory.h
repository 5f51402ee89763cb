#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/lsn.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// What the store holds of one cluster, as its listing says: compact, since packs and WAL segments may be millions.
struct VerifyInventory {
  struct Pack {
    PackId id;
    std::uint64_t size = 0;  // bytes
  };
  // By system and the three groups of digits of the name; which LSN that is depends on the segment size.
  struct Segment {
    std::uint64_t system_identifier = 0;
    Timeline timeline = 0;
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    std::uint32_t stored = 0;  // bytes of the object; not compared

    bool operator==(const Segment& other) const noexcept { return (*this <=> other) == 0; }
    std::strong_ordering operator<=>(const Segment& other) const noexcept {
      return std::tie(system_identifier, timeline, high, low) <=>
             std::tie(other.system_identifier, other.timeline, other.high, other.low);
    }
    [[nodiscard]] std::string file_name() const;
    [[nodiscard]] WalSegment of_size(std::uint32_t segment_size) const noexcept;
    [[nodiscard]] static Segment of(std::uint64_t system_identifier, const WalSegment& segment) noexcept;
  };
  struct Object {
    std::string name;
    ParsedName parsed;
  };

  std::vector<Pack> packs;        // sorted by id
  std::vector<PackId> relocated;  // packs that have a relocation object
  std::vector<Segment> segments;  // sorted
  std::vector<std::string> tails;
  std::vector<std::string> wal_times;
  std::vector<std::string> histories;
  std::vector<Object> systems;
  std::vector<Object> marks;
  std::vector<std::string> drills;
  std::vector<std::string> ledgers;
  std::vector<std::string> summaries;
  std::vector<std::string> manifests;
  std::vector<std::string> unknown;  // the first max_unknown
  std::uint64_t unknown_count = 0;
  std::uint64_t pack_bytes = 0;
  std::uint64_t wal_bytes = 0;
};

[[nodiscard]] VerifyInventory take_inventory(const Repository& repository, const std::string& cluster);

}  // namespace pgrecall
