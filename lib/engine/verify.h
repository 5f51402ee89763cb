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
};

// damage: recovery of some backup is at risk. notice: worth knowing, nothing is at risk (orphans, pages that were bad at the
// source already).
enum class Severity { damage, notice };

struct Finding {
  Severity severity = Severity::damage;
  std::string kind;                    // "corrupt object", "missing object", "missing wal", "page checksum", "orphan" ...
  std::string object;                  // in the repository
  std::vector<std::string> backups;    // ids that need it; the first 100
  std::string file;                    // of the cluster, where known
  std::optional<std::uint64_t> block;  // of that file, for page checksums
  std::string problem;
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
  [[nodiscard]] bool damaged() const noexcept;
};

// Reads and judges; throws only when the store or repository fails as a whole. Marks each backup that was read whole
// (data_fraction 1) as verified, or, whenever damage was found, as damaged.
[[nodiscard]] VerifyReport verify(const Repository& repository, const VerifyRequest& request, const Clock& clock,
                                  Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
