#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/expire/policy.h"
#include "engine/expire/window_needs.h"

// What nobody needs any more: docs/retention.md, "Sweeping".

namespace pgrecall {

struct SweepRequest {
  std::string cluster;
  std::optional<RetentionPolicy> policy;  // nothing: no WAL goes, since nobody says which window is wanted
  // How long what nobody needs stays: for whoever reads a removed backup, and for the next backup, which uses again what an
  // interrupted one stored.
  std::chrono::seconds grace = std::chrono::hours(24);
  // A pack of which at least this part is dead is rewritten; more than 1: none is.
  double rewrite_when_dead = 0.5;
};

struct SweepPlan {
  // Objects that go, in the order of going.
  struct Group {
    std::vector<std::string> names;
    std::uint64_t bytes = 0;
    std::uint64_t waiting = 0;        // objects that nobody needs either, but that are not old enough
    std::uint64_t waiting_bytes = 0;  //
  };
  Group remains;  // of removed and of interrupted backups
  Group packs;    // with relocations
  Group wal;      // segments, tails, time marks
  // Packs that may hold dead chunks: the backup that stored them is gone, or they were rewritten already.
  std::vector<PackId> to_look_into;
  std::vector<BackupId> alive;        // backups whose packs stay, removed ones within their grace included
  std::vector<std::string> problems;  // why something was left alone: damage
  std::vector<std::string> notes;     // and for reasons that nobody need care about

  [[nodiscard]] std::uint64_t bytes() const noexcept { return remains.bytes + packs.bytes + wal.bytes; }
  [[nodiscard]] std::uint64_t waiting_bytes() const noexcept {
    return remains.waiting_bytes + packs.waiting_bytes + wal.waiting_bytes;
  }
  [[nodiscard]] std::size_t objects() const noexcept { return remains.names.size() + packs.names.size() + wal.names.size(); }
};

// Reads; changes nothing. Right while the cluster's lease is held, else as things were a moment ago. `as_if_removed`: backups
// that are there and count as gone, removed now.
[[nodiscard]] SweepPlan plan_sweep(const Repository& repository, const SweepRequest& request, Time now,
                                   const std::set<BackupId>& as_if_removed = {});

}  // namespace pgrecall
