#include "engine/wal/known_system.h"

#include <algorithm>
#include <filesystem>

#include "io/fd.h"
#include "postgres/control_file.h"

namespace pgrecall {

std::vector<KnownSystem> known_systems(const Repository& repository, const std::string& cluster, const Catalog& catalog) {
  std::vector<KnownSystem> systems;
  for (const SystemRecord& record : read_systems(repository, cluster)) {
    systems.push_back({record.system_identifier, record.first_seen, record.server_version, record.wal_segment_size});
  }
  for (const ListedBackup& backup : catalog.backups) {
    const BackupSummary& summary = backup.summary;
    auto system = std::ranges::find(systems, summary.system_identifier, &KnownSystem::identifier);
    if (system == systems.end()) {
      system = systems.insert(system, {.identifier = summary.system_identifier,
                                       .seen = summary.started,
                                       .server_version = summary.server_version,
                                       .segment_size = summary.wal_segment_size});
    }
    system->seen = std::max(system->seen, summary.started);
    system->server_version = summary.server_version;
  }
  std::ranges::sort(systems, {}, [](const KnownSystem& system) { return std::pair(system.seen, system.identifier); });
  return systems;
}

std::optional<std::uint64_t> present_system(const Repository& repository, const std::string& cluster) {
  const std::vector<SystemRecord> records = read_systems(repository, cluster);
  if (records.size() == 1) {
    return records.front().system_identifier;  // receiving begins, and no catalog need be read
  }
  const std::vector<KnownSystem> systems = known_systems(repository, cluster, read_catalog(repository, cluster));
  return systems.empty() ? std::nullopt : std::optional(systems.back().identifier);
}

Error another_system(const ClusterSystem& found, std::uint64_t expected) {
  return Error(ErrorKind::failed, "this server is not the one that is stored under this name: its system identifier differs",
               "check the connection; when the cluster was upgraded or rebuilt on purpose, say so once: pgrecall backup " +
                   found.cluster + " --new-system")
      .with("cluster", found.cluster)
      .with("expected", expected)
      .with("found", found.identifier);
}

void require_known_system(const Repository& repository, const std::string& cluster, const ServerInfo& server, Time now) {
  const std::uint64_t system_identifier = server.identity.system_identifier;
  const auto present = present_system(repository, cluster);
  if (present && *present != system_identifier) {
    throw another_system({cluster, system_identifier}, *present);
  }
  record_system(repository, cluster,
                {.system_identifier = system_identifier,
                 .server_version = static_cast<unsigned>(server.version_num),
                 .page_size = server.block_size,
                 .wal_segment_size = server.wal_segment_size,
                 .page_checksums = server.data_checksums,
                 .first_seen = now});
}

std::optional<std::uint64_t> system_of_directory(const std::string& data_directory) {
  constexpr std::uint64_t limit = 64U << 10U;  // bytes
  const std::string control = data_directory + "/global/pg_control";
  std::error_code missing;
  return std::filesystem::exists(control, missing)
             ? std::optional(parse_control_file(read_file(control, limit)).system_identifier)
             : std::nullopt;
}

}  // namespace pgrecall
