#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/progress.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

struct VerifyRequest {
  std::string cluster;
  std::optional<BackupId> backup;  // all when not given
  double data_fraction = 1.0;      // of the chunks, 0 to 1; metadata and WAL are always read whole
  std::uint64_t seed = 0;          // of the sample
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

struct VerifyReport {
  std::uint64_t backups = 0;
  std::uint64_t objects = 0;
  std::uint64_t chunks = 0;  // read
  std::uint64_t bytes = 0;   // raw bytes whose hash was checked
  std::uint64_t pages = 0;   // whose checksum was checked
  std::uint64_t wal_segments = 0;
  std::chrono::milliseconds duration{};
  std::vector<Finding> findings;  // damage first
  std::vector<Repair> repairs;    // empty unless it was tried
  // Damage that was not repaired.
  [[nodiscard]] bool damaged() const noexcept;
};

// Reads and judges; throws only when the store or repository fails as a whole. Marks each backup that was read whole
// (data_fraction 1) as verified, or, whenever damage was found, as damaged. Without a backup id every object of the cluster is
// read, and those that no cluster has (keys, leases); with one, what that backup needs. Error{target_unreachable} when there is
// no such backup.
//
// Each chunk is read once, newest backup first. Memory: a few bits a chunk and about a hundred bytes a pack of the repository,
// plus 64 MiB or so for indexes, buffers and queues.
[[nodiscard]] VerifyReport verify(const Repository& repository, const VerifyRequest& request, const Clock& clock,
                                  Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
