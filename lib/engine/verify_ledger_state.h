#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/verify_findings.h"
#include "engine/verify_inventory.h"
#include "repository/verify_ledger.h"

namespace pgrecall {

// A pack or a WAL segment that may be read.
struct VerifyReading {
  enum class Of { pack, segment };
  Of of = Of::pack;
  std::uint32_t number = 0;  // in the inventory
  std::uint64_t bytes = 0;   // as stored
  Time verified{};           // no time: never
};
// Never read ones first, then those that were not read for longest; else as they came.
void put_in_order(std::vector<VerifyReading>& readings);

// When each pack and each segment of an inventory was last read whole and found good. One thread.
class VerifyLedgerState {
 public:
  // Nothing is known yet.
  VerifyLedgerState(const Repository& repository, const std::string& cluster, const VerifyInventory& inventory,
                    VerifyFindings& findings);

  // Reads the newest ledger. One that cannot be read is a finding, and says nothing.
  void load();
  [[nodiscard]] std::vector<VerifyReading> in_order() const;
  // No time: never.
  [[nodiscard]] Time pack(std::size_t number) const noexcept { return packs_[number]; }
  // Reading has ended, at `time` for the ledger; what was not good has no entry any more.
  enum class Outcome { good, damaged };
  void note(const VerifyReading& reading, Outcome outcome, Time time);
  // Stores what is known now, and what another verify has noted meanwhile.
  void store(Time time);

  [[nodiscard]] VerifyCoverage coverage() const;
  // When the ledger before this one was stored.
  [[nodiscard]] const std::optional<Time>& last() const noexcept { return last_; }

 private:
  void take(const VerifyLedger& ledger);
  [[nodiscard]] std::optional<VerifyLedger> read_newest();

  const Repository& repository_;
  const std::string cluster_;
  const VerifyInventory& inventory_;
  VerifyFindings& findings_;
  std::vector<Time> packs_;     // as the inventory's
  std::vector<Time> segments_;  //
  std::vector<bool> damaged_packs_;
  std::vector<bool> damaged_segments_;
  std::optional<Time> last_;
  std::uint64_t read_ = 0;  // bytes
};

}  // namespace pgrecall
