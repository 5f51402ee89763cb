#include "engine/verify_inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace pgrecall {

namespace {

constexpr std::size_t max_unknown = 20;

std::uint32_t hexadecimal(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

VerifyInventory::Segment parse_segment(std::uint64_t system_identifier, std::string_view name) {
  return {.system_identifier = system_identifier,
          .timeline = hexadecimal(name.substr(0, 8)),
          .high = hexadecimal(name.substr(8, 8)),
          .low = hexadecimal(name.substr(16, 8)),
          .stored = 0};
}

void enter(VerifyInventory& inventory, const ObjectInfo& object) {
  ParsedName parsed = parse_object_name(object.name);
  switch (parsed.kind) {
    case NameKind::pack:
      inventory.packs.push_back({*parsed.pack, object.size});
      inventory.pack_bytes += object.size;
      break;
    case NameKind::relocation: inventory.relocated.push_back(*parsed.pack); break;
    case NameKind::wal_segment:
      inventory.segments.push_back(parse_segment(*parsed.system, parsed.rest));
      inventory.segments.back().stored = static_cast<std::uint32_t>(object.size);
      inventory.wal_bytes += object.size;
      break;
    case NameKind::wal_tail:
      inventory.tails.push_back(object.name);
      inventory.wal_bytes += object.size;
      break;
    case NameKind::wal_time: inventory.wal_times.push_back(object.name); break;
    case NameKind::history: inventory.histories.push_back(object.name); break;
    case NameKind::system: inventory.systems.push_back({object.name, std::move(parsed)}); break;
    case NameKind::mark: inventory.marks.push_back({object.name, std::move(parsed)}); break;
    case NameKind::drill: inventory.drills.push_back(object.name); break;
    case NameKind::verify_ledger: inventory.ledgers.push_back(object.name); break;
    case NameKind::summary: inventory.summaries.push_back(object.name); break;
    case NameKind::manifest: inventory.manifests.push_back(object.name); break;
    default:
      ++inventory.unknown_count;
      if (inventory.unknown.size() < max_unknown) {
        inventory.unknown.push_back(object.name);
      }
  }
}

}  // namespace

std::string VerifyInventory::Segment::file_name() const { return fmt::format("{:08X}{:08X}{:08X}", timeline, high, low); }

WalSegment VerifyInventory::Segment::of_size(std::uint32_t segment_size) const noexcept {
  const std::uint64_t a_log_file = (std::uint64_t{1} << 32U) / segment_size;
  return {timeline, high * a_log_file + low, segment_size};
}

VerifyInventory::Segment VerifyInventory::Segment::of(std::uint64_t system_identifier, const WalSegment& segment) noexcept {
  const std::uint64_t a_log_file = (std::uint64_t{1} << 32U) / segment.size;
  return {system_identifier, segment.timeline, static_cast<std::uint32_t>(segment.number / a_log_file),
          static_cast<std::uint32_t>(segment.number % a_log_file), 0};
}

VerifyInventory take_inventory(const Repository& repository, const std::string& cluster) {
  VerifyInventory inventory;
  repository.store().list(cluster_prefix(cluster), [&](const ObjectInfo& object) { enter(inventory, object); });
  std::ranges::sort(inventory.packs, {}, &VerifyInventory::Pack::id);
  std::ranges::sort(inventory.segments);
  std::ranges::sort(inventory.tails);
  return inventory;
}

}  // namespace pgrecall
