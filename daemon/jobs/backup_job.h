#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "engine/backup.h"
#include "jobs/job.h"

namespace pgrecall {

// What is asked of a backup; where it says nothing, the configuration decides.
struct BackupWishes {
  bool full = false;
  bool new_system = false;  // the server was upgraded or rebuilt: the name is its own from now on
  Keep keep = Keep::manual;
  std::string note;
  std::optional<BackupCheckpoint> checkpoint;
  bool unhurried = false;                 // a spread checkpoint where nothing else says so
  std::optional<std::uint64_t> max_rate;  // bytes per second
  std::optional<Compression> compression;
  std::optional<unsigned> workers;
};
// As the daemon's API carries them: docs/api.md, "Starting a run".
[[nodiscard]] nlohmann::ordered_json to_json(const BackupWishes& wishes);
// Error{usage} for what is no wish.
[[nodiscard]] BackupWishes backup_wishes_of(const nlohmann::ordered_json& json);
// What the schedule asks for.
[[nodiscard]] BackupWishes scheduled_wishes(JobKind kind);

// As the configuration says it.
[[nodiscard]] Compression configured_compression(const CompressionConfig& configured);

// `configured` is null without configuration.
[[nodiscard]] BackupRequest backup_request(const std::string& cluster, const BackupWishes& wishes, ConnectionSettings connection,
                                           const ClusterConfig* configured, const std::string& spool);

// Errors: those of back_up().
[[nodiscard]] JobOutcome run_backup_job(const BackupRequest& request, const JobContext& context);

}  // namespace pgrecall
