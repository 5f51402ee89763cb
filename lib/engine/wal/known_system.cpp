#include "engine/wal/known_system.h"

#include <filesystem>

#include "base/error.h"
#include "io/fd.h"
#include "postgres/control_file.h"
#include "repository/catalog.h"

namespace pgrecall {

bool is_present_system(const Repository& repository, const std::string& cluster, std::uint64_t system_identifier) {
  const std::vector<SystemRecord> systems = read_systems(repository, cluster);
  return systems.empty() || systems.back().system_identifier == system_identifier;
}

void require_known_system(const Repository& repository, const std::string& cluster, const ServerInfo& server, Time now) {
  const std::uint64_t system_identifier = server.identity.system_identifier;
  if (!is_present_system(repository, cluster, system_identifier)) {
    throw Error(ErrorKind::failed, "this server is not the one that is stored under this name: its system identifier differs",
                "check the connection; a cluster that was rebuilt or upgraded needs a name of its own here, as its WAL has the "
                "names of the old one's")
        .with("cluster", cluster)
        .with("found", system_identifier);
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
