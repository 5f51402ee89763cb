#include "engine/verify_ledger_state.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

void put_in_order(std::vector<VerifyReading>& readings) { std::ranges::stable_sort(readings, {}, &VerifyReading::verified); }

VerifyLedgerState::VerifyLedgerState(const Repository& repository, const std::string& cluster, const VerifyInventory& inventory,
                                     VerifyFindings& findings)
    : repository_(repository),
      cluster_(cluster),
      inventory_(inventory),
      findings_(findings),
      packs_(inventory.packs.size()),
      segments_(inventory.segments.size()),
      damaged_packs_(inventory.packs.size()),
      damaged_segments_(inventory.segments.size()) {}

void VerifyLedgerState::load() {
  if (const auto ledger = read_newest()) {
    take(*ledger);
  }
}

std::optional<VerifyLedger> VerifyLedgerState::read_newest() {
  const auto newest = newest_ledger(repository_, cluster_);
  if (!newest) {
    return std::nullopt;
  }
  last_ = ledger_time(*newest);
  try {
    return read_ledger(repository_, *newest);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    findings_.corrupt(error, *newest, {});
    return std::nullopt;
  }
}

void VerifyLedgerState::take(const VerifyLedger& ledger) {
  for (const VerifyLedger::Pack& each : ledger.packs) {
    const auto at = std::ranges::lower_bound(inventory_.packs, each.id, {}, &VerifyInventory::Pack::id);
    const auto number = static_cast<std::size_t>(at - inventory_.packs.begin());
    if (at != inventory_.packs.end() && at->id == each.id && !damaged_packs_[number]) {
      packs_[number] = std::max(packs_[number], each.verified);
    }
  }
  for (const VerifyLedger::Segment& each : ledger.segments) {
    const VerifyInventory::Segment name{
        .system_identifier = each.system_identifier, .timeline = each.timeline, .high = each.high, .low = each.low, .stored = 0};
    const auto at = std::ranges::lower_bound(inventory_.segments, name);
    const auto number = static_cast<std::size_t>(at - inventory_.segments.begin());
    if (at != inventory_.segments.end() && *at == name && !damaged_segments_[number]) {
      segments_[number] = std::max(segments_[number], each.verified);
    }
  }
}

std::vector<VerifyReading> VerifyLedgerState::in_order() const {
  std::vector<VerifyReading> readings;
  readings.reserve(packs_.size() + segments_.size());
  for (std::size_t i = 0; i < packs_.size(); ++i) {
    readings.push_back({VerifyReading::Of::pack, static_cast<std::uint32_t>(i), inventory_.packs[i].size, packs_[i]});
  }
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    readings.push_back({VerifyReading::Of::segment, static_cast<std::uint32_t>(i), inventory_.segments[i].stored, segments_[i]});
  }
  put_in_order(readings);
  return readings;
}

void VerifyLedgerState::note(const VerifyReading& reading, Outcome outcome, Time time) {
  const bool is_pack = reading.of == VerifyReading::Of::pack;
  (is_pack ? packs_ : segments_)[reading.number] = outcome == Outcome::good ? time : Time{};
  (is_pack ? damaged_packs_ : damaged_segments_)[reading.number] = outcome == Outcome::damaged;
  read_ += reading.bytes;
}

void VerifyLedgerState::store(Time time) {
  const auto before = last_;
  if (const auto newest = read_newest(); newest && last_ != before) {
    take(*newest);
  }
  last_ = before;
  VerifyLedger ledger;
  for (std::size_t i = 0; i < packs_.size(); ++i) {
    if (packs_[i] != Time{}) {
      ledger.packs.push_back({inventory_.packs[i].id, packs_[i]});
    }
  }
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i] != Time{}) {
      const VerifyInventory::Segment& name = inventory_.segments[i];
      ledger.segments.push_back({name.system_identifier, name.timeline, name.high, name.low, segments_[i]});
    }
  }
  put_ledger(repository_, cluster_, ledger, time);
}

VerifyCoverage VerifyLedgerState::coverage() const {
  VerifyCoverage coverage{.total = 0, .read = read_, .never_read = 0, .oldest = {}};
  for (const VerifyReading& each : in_order()) {
    coverage.total += each.bytes;
    if (each.verified == Time{}) {
      coverage.never_read += each.bytes;
    } else if (!coverage.oldest) {
      coverage.oldest = each.verified;
    }
  }
  return coverage;
}

}  // namespace pgrecall
