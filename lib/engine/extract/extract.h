#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "engine/extract/names.h"
#include "engine/extract/scratch_database.h"
#include "engine/extract/sink.h"
#include "engine/progress.h"
#include "engine/restore.h"
#include "engine/start_server.h"
#include "postgres/connection.h"
#include "repository/repository.h"

namespace pgrecall {

struct ExtractRequest {
  std::string cluster;
  enum class What { tables, schemas, database, query } what = What::tables;
  std::vector<QualifiedName> tables;
  std::vector<std::string> schemas;
  std::string database;       // of What::database
  std::string query;          // of What::query
  std::string from_database;  // empty: the only one that has what is asked for
  std::vector<TableRename> table_renames;
  std::vector<std::pair<std::string, std::string>> renames;  // of schemas, or the database

  // One of both.
  std::string to;                          // directory, absolute
  std::optional<ConnectionSettings> into;  // for What::database, any database of the server that gets it
  enum class Format { sql, csv } format = Format::sql;
  enum class Owners { keep, leave } owners = Owners::keep;

  std::string scratch;                // directory of all scratch directories, absolute
  std::vector<std::string> binaries;  // directories that may hold PostgreSQL's programs, besides those of packages
  std::vector<std::string> users;     // roles that the copy may have, besides postgres
  unsigned workers = 2;
  RecoveryRequest recovery;
  std::optional<BackupId> backup;  // to begin with; nothing: the newest that fits
  std::optional<Secret> passphrase;
};

struct ExtractPlan {
  RestorePlan restore;
  std::string dump_program;  // empty: none is needed
};

struct ExtractReport {
  ExtractPlan plan;
  ServerMoment moment;
  std::string database;    // that it came from
  std::string arrived_in;  // the database that it came into; empty for files
  std::vector<ExtractedTable> tables;
  std::vector<ExtractedSequence> sequences;
  std::vector<ExtractNote> notes;
  std::vector<ObjectAddress> needs;  // of files: what must be there before they are loaded
  std::vector<std::string> roles;    // of files: the same
  std::vector<std::string> files;
  std::chrono::milliseconds restoring{};
  std::chrono::milliseconds replaying{};
  std::chrono::milliseconds extracting{};
};

// Checks what can be known before anything is restored: the moment, room, programs, and whether names are taken where it goes.
// Leaves nothing behind. Errors: as extract().
[[nodiscard]] ExtractPlan plan_extract(const Repository& repository, const ExtractRequest& request, const std::stop_token& stop);

// Brings tables, schemas, a database or a query's result as they were at a moment: restores into a scratch directory, replays,
// ends recovery there, and copies out of it. Where it goes, everything appears at once or nothing does, nothing that exists is
// changed, and the rows that arrived are counted against those of the moment. Scratch directories that nobody works in any more
// are removed before, and its own one at the end.
//
// Error{target_unreachable} when the moment cannot be reached, or what is asked for was not there then; Error{failed} for names
// that are taken, things that are missing where it goes, rows that differ; and those of restore() and start_server().
[[nodiscard]] ExtractReport extract(const Repository& repository, const ExtractRequest& request, Progress& progress,
                                    const std::stop_token& stop);

}  // namespace pgrecall
