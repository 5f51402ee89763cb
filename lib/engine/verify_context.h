#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>

#include "engine/progress.h"
#include "engine/verify.h"
#include "engine/verify_findings.h"
#include "engine/verify_ledger_state.h"
#include "engine/verify_packs.h"
#include "engine/verify_pool.h"
#include "repository/repository.h"

namespace pgrecall {

struct VerifyCounters {
  std::atomic<std::uint64_t> objects{0};
  std::atomic<std::uint64_t> chunks{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> pages{0};
  std::atomic<std::uint64_t> wal_segments{0};
};

// What the parts of one verify share; all borrowed from the run, which outlives them.
struct VerifyContext {
  const Repository& repository;
  const VerifyRequest& request;
  Progress& progress;
  const std::stop_token stop;
  const VerifyInventory& inventory;
  VerifyFindings& findings;
  VerifyPacks& packs;
  VerifyPool& pool;
  VerifyCounters& counters;
  VerifyLedgerState& ledger;

  // Swept while verify runs: of what no backup needs that is no damage.
  [[nodiscard]] bool vanished(const std::string& object) const { return repository.store().open(object) == nullptr; }

  // As noting_damage(), of an object that no backup needs.
  template <typename Read>
  void noting_damage_of_stray(const std::string& object, const Read& read) const {
    static_cast<void>(noting_damage(object, {}, [&] {
      try {
        read();
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::corruption || !vanished(object)) {
          throw;
        }
      }
    }));
  }

  // Runs `read`, which reads the object. Damage becomes a finding, and false.
  template <typename Read>
  bool noting_damage(const std::string& object, const std::string& backup, const Read& read) const {
    ++counters.objects;
    try {
      read();
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      findings.corrupt(error, object, backup);
      return false;
    }
  }
};

}  // namespace pgrecall
