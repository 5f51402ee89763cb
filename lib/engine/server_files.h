#pragma once

#include <string>
#include <vector>

#include "engine/backup_pipeline.h"
#include "postgres/connection.h"
#include "repository/summary.h"

namespace pgrecall {

// What SQL can tell beside a base backup. Needs a session with replication=database or without replication; with replication=true
// nothing can be read.

struct ConfigurationFile {
  std::string name;     // path below the configuration tree
  std::string content;  // bytes
};
struct ConfigurationFiles {
  std::vector<ConfigurationFile> files;
  std::string problem;  // why files outside the data directory could not be read; empty when all were
};
// The settings in force (settings.json), and those files (postgresql.conf, what it includes, pg_hba.conf, pg_ident.conf) that lie
// outside the data directory, as far as the role may read them.
[[nodiscard]] ConfigurationFiles read_configuration_files(Connection& connection);

// The part of the WAL that replay of a backup goes through.
struct ReplayRange {
  Lsn start;
  Lsn stop;
};

struct PageLayout {
  std::uint32_t page_size = 0;           // bytes
  std::uint32_t blocks_per_segment = 0;  // pages in a relation's file; the cluster's own
};

// Judges pages that looked bad. One whose LSN lies in the replay was written meanwhile, may have been torn by our reading, and
// WAL brings its full image: no failure. The others are read once more: one is good now, or gone, or has been written since. What
// stays bad becomes a failure of the backup's summary, the others are torn.
struct JudgedPages {
  std::vector<PageFailure> failures;
  std::vector<TornPage> torn;
};
[[nodiscard]] JudgedPages reread_pages(Connection& connection, const std::vector<BackupPipeline::FileFailure>& failures,
                                       PageLayout layout, ReplayRange replay);

}  // namespace pgrecall
