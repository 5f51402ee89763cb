#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "engine/progress.h"
#include "postgres/wal_changes.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// What to look for in kept WAL.
struct ChangeSearch {
  std::string cluster;
  std::string spool;                 // directory of all spools; empty: none
  std::optional<Timeline> timeline;  // whose history is followed; without, the latest
  // When transactions ended, both included; without, as far as there is WAL.
  std::optional<Time> from;
  std::optional<Time> to;
  // Where the record is that ended them.
  std::optional<Lsn> from_lsn;
  std::optional<Lsn> to_lsn;
  // Deleted or updated in one relation. Without: many_rows, or half of what the relation had, if that is at least some_rows.
  std::optional<std::uint64_t> least_rows;
  std::string database;  // a name or an oid; empty: all
  unsigned workers = 2;
};
inline constexpr std::uint64_t many_rows = 10000;
inline constexpr std::uint64_t some_rows = 1000;

struct FoundChanges {
  TransactionChanges what;
  bool recoverable = false;  // a backup and all WAL lead to the moment before
  // Of a system that was replaced: one to be named, as an LSN alone means the present one.
  std::optional<BackupId> backup;
};

struct ChangeFindings {
  Timeline timeline = 0;
  Lsn from;  // the WAL that was looked through
  Lsn until;
  std::optional<Time> first_end;  // of the transactions in it, whatever they did
  std::optional<Time> last_end;
  std::uint64_t wal_bytes = 0;             // that were read; names and running transactions need some from before
  std::vector<FoundChanges> transactions;  // in order of their end
  std::vector<std::string> warnings;       // WAL that is missing, damaged or not understood
};

// Reads the cluster's kept WAL of that time, and tells which transactions dropped or truncated relations, dropped databases, or
// deleted or updated very many rows, with names from the WAL itself and from the catalogs in kept backups. No server is asked.
// Memory is bounded, but for what is found. Error{target_unreachable} when there is no such WAL, Error{cancelled}.
[[nodiscard]] ChangeFindings find_changes(const Repository& repository, const ChangeSearch& search, Progress& progress,
                                          const std::stop_token& stop);

}  // namespace pgrecall
