#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/progress.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// How much data one verify of everything reads. What was never read comes first, then what was not read for longest: so that
// everything has its turn.
struct VerifyBudget {
  std::optional<std::uint64_t> bytes;  // of packs and WAL segments as they are stored
  std::optional<std::chrono::milliseconds> time;
};
// "10GB", "30m"; nothing for what is neither, and for nothing at all.
[[nodiscard]] std::optional<VerifyBudget> parse_verify_budget(std::string_view text);

struct VerifyRequest {
  std::string cluster;
  std::optional<BackupId> backup;      // all when not given
  double data_fraction = 1.0;          // of the chunks, 0 to 1; metadata and WAL are always read whole
  std::uint64_t seed = 0;              // of the sample
  std::optional<VerifyBudget> budget;  // not for one backup, nor with a fraction
  unsigned workers = 2;
  std::string spool;  // directory of all spools, where a receiver on this host works; empty: none
};

// What a Finding::kind can be; docs/json-output.md lists them for readers of the JSON.
namespace finding_kind {
inline constexpr const char* corrupt_object = "corrupt object";  // its bytes are not those that were stored
inline constexpr const char* missing_object = "missing object";
inline constexpr const char* missing_wal = "missing wal";  // that a backup needs, or behind one with more WAL behind it
// Objects that are whole each, but do not fit each other: a reference to a chunk that its pack does not have, a manifest that
// does not hold what the summary says ...
inline constexpr const char* inconsistent = "inconsistent";
inline constexpr const char* page_checksum = "page checksum";
inline constexpr const char* orphan = "orphan";                  // no backup needs it
inline constexpr const char* unknown_object = "unknown object";  // of a name that this version does not know
inline constexpr const char* not_read = "not read";              // for longer than a month, or it will be so at this budget
inline constexpr const char* mark_not_stored = "mark not stored";
inline constexpr const char* more_findings = "more findings";  // how many are not listed one by one
}  // namespace finding_kind

// damage: recovery of some backup is at risk. notice: worth knowing, nothing is at risk (orphans, pages that were bad at the
// source already).
enum class FindingSeverity { damage, notice };

struct Finding {
  FindingSeverity severity = FindingSeverity::damage;
  std::string kind;                    // one of finding_kind
  std::string object;                  // in the repository; a prefix for what stands for several
  std::vector<std::string> backups;    // ids that need it; the first 100
  std::string file;                    // of the cluster, where known
  std::optional<std::uint64_t> block;  // of that file, for page checksums
  std::string problem;
  std::optional<std::uint64_t> offset = std::nullopt;  // of the chunk's frame in a pack, where one chunk is meant
  bool repaired = false;                               // by engine/repair; no damage any more
};

// What became of one object that was found damaged, or missing.
struct Repair {
  std::string object;
  bool done = false;
  std::string from;     // where the good copy was; for people
  std::string problem;  // why it was not done
};

// How much of packs and WAL segments was read whole, and when: as stored, in bytes.
struct VerifyCoverage {
  std::uint64_t total = 0;
  std::uint64_t read = 0;        // by this run
  std::uint64_t never_read = 0;  // by none, or found damaged when it was
  std::optional<Time> oldest;    // when that was read which was not read for longest; nothing when nothing ever was
};

struct VerifyReport {
  std::uint64_t backups = 0;
  std::uint64_t objects = 0;
  std::uint64_t chunks = 0;  // read
  std::uint64_t bytes = 0;   // raw bytes whose hash was checked
  std::uint64_t pages = 0;   // whose checksum was checked
  std::uint64_t wal_segments = 0;
  std::optional<VerifyCoverage> coverage;  // of a verify of everything that took no sample
  std::chrono::milliseconds duration{};
  std::vector<Finding> findings;  // damage first
  std::vector<Repair> repairs;    // empty unless it was tried
  // Damage that was not repaired.
  [[nodiscard]] bool damaged() const noexcept;
};

// Reads and judges; throws only when the store or repository fails as a whole. Marks each backup that was read whole
// (data_fraction 1) as verified, or, whenever damage was found, as damaged. Without a backup id every object of the cluster is
// read, and those that no cluster has (keys, leases); with one, what that backup needs. Error{target_unreachable} when there is
// no such backup. What a verify of everything read whole goes into a ledger in the repository, which budgets go by.
//
// With a budget: metadata, manifests and all references are checked as ever, and of packs and WAL segments as much as it allows;
// hashes alone, since page checksums were right when what is hashed was stored. A backup of which the ledger has all packs gets
// the mark "verified" with the time when the first of these was read.
//
// Each chunk is read once, newest backup first. Memory: a few bits a chunk and about a hundred bytes a pack of the repository,
// plus 64 MiB or so for indexes, buffers and queues.
[[nodiscard]] VerifyReport verify(const Repository& repository, const VerifyRequest& request, const Clock& clock,
                                  Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
