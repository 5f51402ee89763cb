#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/expectation.h"
#include "base/secret.h"
#include "engine/progress.h"
#include "engine/restore.h"
#include "repository/drill_record.h"
#include "repository/repository.h"

namespace pgrecall {

// What the user wants to know of a restored cluster.
struct DrillQuery {
  std::string name;
  std::string database;
  std::string sql;
  Expectation expectation;
};

struct DrillRequest {
  std::string cluster;
  // Not given: next_aim() decides.
  std::optional<DrillRecord::Aim> aim;
  std::optional<RecoveryTarget> target;  // of aim `asked`
  std::string scratch;                   // directory of all scratch directories, absolute
  std::vector<std::string> binaries;     // directories that may hold `postgres`, besides those of packages
  std::vector<std::string> libraries;    // shared_preload_libraries of the copy
  std::vector<std::string> users;        // roles that it may have, besides postgres
  unsigned workers = 2;
  std::string restore_command;
  std::vector<std::string> needed_paths;
  std::optional<Secret> passphrase;
  std::chrono::milliseconds budget = std::chrono::minutes(30);  // for indexes, tables and pages
  std::vector<DrillQuery> queries;
  std::string heartbeats;  // path of the ledger; empty: none
  enum class Leave { nothing, scratch } leave = Leave::nothing;
  std::uint64_t seed = 0;  // of what is chosen by chance
};

struct DrillReport {
  DrillRecord record;
  std::string object;              // the record's name in the repository
  std::string kept_log;            // the server's log, of a drill that failed; empty when there is none
  std::string kept_scratch;        // empty: removed
  std::vector<std::string> notes;  // of the plan
};

// Restores into a scratch directory, starts a server there that nobody else can reach, replays to a moment, checks that it is the
// moment and that what is there is whole, and records what that proved or met in the repository. Before, scratch directories that
// nobody works in any more are removed.
//
// A check that fails makes a report that did not pass. What ends the drill early (a damaged pack, recovery that does not reach
// its target) is recorded, too, and thrown; with "log" in its context where the server's log was kept. Not recorded is what keeps
// it from beginning: no window, too little room, no PostgreSQL of that version. Errors: those of plan_restore(), restore() and
// start_server(); Error{cancelled}, of which nothing is left.
[[nodiscard]] DrillReport drill(const Repository& repository, const DrillRequest& request, const Clock& clock, Progress& progress,
                                const std::stop_token& stop);

}  // namespace pgrecall
