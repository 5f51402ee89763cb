#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "codec/compression.h"
#include "engine/companions/companion.h"
#include "engine/progress.h"
#include "postgres/base_backup.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "repository/summary.h"

namespace pgrecall {

struct BackupRequest {
  std::string cluster;  // name in the repository
  ConnectionSettings connection;
  // changed: chunks that the newest backup has already are shared with it. everything: all is stored anew.
  enum class Store { changed, everything } store = Store::changed;
  // replaced: the server may be another one than whom the name belongs to; from now on it is that one's. All is stored anew.
  enum class System { known, replaced } system = System::known;
  Keep keep = Keep::manual;
  std::string note;
  Compression compression;
  BackupCheckpoint checkpoint = BackupCheckpoint::fast;
  std::uint64_t max_rate = 0;              // bytes per second read from the server; 0 is no limit
  std::uint32_t chunk_size = 512U << 10U;  // bytes; a multiple of the page size
  std::size_t pack_size = 32U << 20U;      // bytes
  unsigned workers = 3;                    // threads that hash, compress and seal
  unsigned uploads = 2;                    // packs that are stored at the same time
  std::string spool_directory;             // for temporary files; empty: $TMPDIR
  std::string tool;                        // "pgrecall 0.1.0", for the summary
  std::vector<CompanionSource> companions;
};

struct BackupResult {
  BackupSummary summary;
  std::string connected_by;  // "replication=database" or "replication=true"
};

// Takes one backup and commits it: everything that its recovery needs was stored and read back before its summary was put. A
// backup that ends by an error leaves nothing that is listed; what it stored is found and used again by the next. Errors: held
// (another backs this cluster up), database_unreachable, store_unreachable, corruption (parent cannot be read), failed (another
// system identifier, clock behind the newest backup, ...), cancelled. Findings that do not end it (page checksums, unreadable
// configuration files) are in the summary: page_failures, warnings; so is a companion that could not be gathered.
[[nodiscard]] BackupResult back_up(const Repository& repository, const BackupRequest& request, const Clock& clock,
                                   Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
