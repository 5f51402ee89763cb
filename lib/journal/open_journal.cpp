#include <filesystem>
#include <system_error>

#include "journal/database.h"
#include "journal/journal.h"
#include "journal/tables.h"

namespace pgrecall {

namespace {
namespace fs = std::filesystem;

constexpr std::int64_t schema_version = 1;
// Times are microseconds since 1970, UTC. JSON is text.
constexpr const char* schema = R"sql(
  CREATE TABLE runs (
    id TEXT PRIMARY KEY, cluster TEXT NOT NULL, job TEXT NOT NULL, trigger TEXT NOT NULL, due INTEGER, created INTEGER NOT NULL,
    not_before INTEGER, started INTEGER, ended INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL, attempt INTEGER NOT NULL,
    exit_code INTEGER, error_kind TEXT NOT NULL, error_message TEXT NOT NULL, error_hint TEXT NOT NULL, options TEXT NOT NULL,
    result TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX runs_by_state ON runs (state);
  CREATE INDEX runs_by_cluster ON runs (cluster, job, id);
  CREATE TABLE schedule (cluster TEXT NOT NULL, job TEXT NOT NULL, handled INTEGER NOT NULL, PRIMARY KEY (cluster, job)) WITHOUT ROWID;
  CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE run_log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, time INTEGER NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL);
  CREATE INDEX run_log_by_run ON run_log (run, number);
  PRAGMA user_version = 1;
)sql";

// Tables that came later and that earlier versions do without, made in any journal that has none of them; and one that went:
// alerts took its place.
constexpr const char* additions = R"sql(
  DROP TABLE IF EXISTS events;
  CREATE INDEX IF NOT EXISTS runs_to_count ON runs (cluster, job, state, error_kind);
  CREATE INDEX IF NOT EXISTS runs_skipped ON runs (cluster, job, error_kind, reason) WHERE state = 'skipped';
  CREATE TABLE IF NOT EXISTS forgotten_runs (
    cluster TEXT NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL, error_kind TEXT NOT NULL, reason TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (cluster, job, state, error_kind, reason)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS space_samples (
    repository TEXT NOT NULL, time INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (repository, time)) WITHOUT ROWID;
)sql";

std::int64_t pragma_number(Database& database, std::string_view text) {
  Statement statement(database, text);
  return statement.step() ? statement.number() : 0;
}

// What is wrong with the file; empty when nothing is.
std::string problem_of(Database& database) {
  Statement statement(database, "PRAGMA integrity_check(1)");
  const std::string answer = statement.step() ? statement.text() : "no answer";
  return answer == "ok" ? std::string() : answer;
}

std::unique_ptr<Database> open_database(const std::string& path) {
  auto database = std::make_unique<Database>(path);
  // Of a file that is none of SQLite's, the first access tells.
  database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
  return database;
}

// The file and what belongs to it: a write-ahead log beside a new file would be taken for its own.
std::string set_aside(const std::string& path, Time now) {
  std::string to = path + ".damaged-" + format_compact_time(now);
  for (int more = 2; fs::exists(to); ++more) {
    to = path + ".damaged-" + format_compact_time(now) + "-" + std::to_string(more);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code failure;
    fs::rename(path + suffix, to + suffix, failure);
    if (failure && failure != std::errc::no_such_file_or_directory) {
      throw system_error("cannot set the damaged journal aside", path + suffix, failure.value());
    }
  }
  return to;
}

// Nothing when the file is damaged; `problem` then says how.
std::unique_ptr<Database> try_open(const std::string& path, std::string& problem) {
  try {
    auto database = open_database(path);
    problem = problem_of(*database);
    if (problem.empty()) {
      make_tables(*database, path);
      return database;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    problem = error.what();
  }
  return nullptr;
}
}  // namespace

void make_tables(Database& database, const std::string& path) {
  const std::int64_t found = pragma_number(database, "PRAGMA user_version");
  if (found > schema_version) {
    throw Error(ErrorKind::failed, "the journal was made by a later version of pgrecall",
                "start that version, or move the file away: it is rebuilt from the repository")
        .with("path", path)
        .with("expected", static_cast<unsigned long long>(schema_version))
        .with("found", static_cast<unsigned long long>(found));
  }
  if (found == 0) {
    Transaction transaction(database);
    database.execute(schema);
    transaction.commit();
  }
  database.execute(additions);
}

std::unique_ptr<Database> open_file_database(const std::string& path) {
  auto database = open_database(path);
  make_tables(*database, path);
  return database;
}

Journal::Opened Journal::open(const std::string& directory, Time now) {
  std::error_code failure;
  fs::create_directories(directory, failure);
  if (failure) {
    throw system_error("cannot make the directory of the journal", directory, failure.value());
  }
  const std::string path = directory + "/state.db";
  Opened opened;
  opened.found = fs::exists(path) ? Found::present : Found::absent;
  std::unique_ptr<Database> database;
  try {
    database = try_open(path, opened.problem);
  } catch (const Error& error) {
    if (!error.passing()) {
      throw;
    }
    // A full disk must not keep WAL from being received and backups from being taken.
    opened.journal = std::unique_ptr<Journal>(new Journal(path, open_in_memory(path, now)));
    opened.journal->problem_ = error.what();
    return opened;
  }
  if (!database) {
    opened.found = Found::damaged;
    opened.set_aside = set_aside(path, now);
    std::string still;
    database = try_open(path, still);
    if (!database) {
      throw Error(ErrorKind::failed, "a new journal cannot be made", "look at the directory of daemon.state")
          .with("path", path)
          .with("problem", still);
    }
  }
  opened.journal = std::unique_ptr<Journal>(new Journal(path, std::move(database)));
  return opened;
}

}  // namespace pgrecall
