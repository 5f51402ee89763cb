#include "journal/database.h"

#include <sqlite3.h>

namespace pgrecall {

namespace {
constexpr int busy_timeout_ms = 5000;  // somebody looks into the file with another tool
}

void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

void Statement::Finish::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Database::Database(const std::string& path) : path_(path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) {
    throw error("cannot open the journal");
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
}

Error Database::error(std::string_view what) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  const int kind = code & 0xFF;
  std::string hint = "look at the directory of daemon.state: its space, its owner, its file system";
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) {
    hint = "start the daemon again: it sets the damaged file aside and makes a new one from the repository";
  }
  Error found(kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB ? ErrorKind::corruption : ErrorKind::failed, std::string(what),
              std::move(hint));
  found.with("path", path_).with("problem", handle_ ? sqlite3_errmsg(handle_.get()) : "no memory");
  const bool passing = kind == SQLITE_FULL || kind == SQLITE_BUSY || kind == SQLITE_LOCKED || kind == SQLITE_IOERR ||
                       kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN;
  return passing ? Error(std::move(found).mark_passing()) : found;
}

void Database::execute(const char* statements) {
  if (sqlite3_exec(handle_.get(), statements, nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw error("cannot work with the journal");
  }
}

std::int64_t Database::last_row_id() const noexcept { return sqlite3_last_insert_rowid(handle_.get()); }

int Database::changes() const noexcept { return sqlite3_changes(handle_.get()); }

Statement::Statement(Database& database, std::string_view text) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database.handle_.get(), text.data(), static_cast<int>(text.size()), &statement, nullptr);
  statement_.reset(statement);
  check(code);
}

void Statement::check(int code) {
  if (code != SQLITE_OK) {
    throw database_.error("cannot work with the journal");
  }
}

Statement& Statement::bind(std::string_view text) {
  check(sqlite3_bind_text(statement_.get(), ++parameter_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  check(sqlite3_bind_int64(statement_.get(), ++parameter_, number));
  return *this;
}

Statement& Statement::bind(const std::optional<std::int64_t>& number) {
  if (number) {
    return bind(*number);
  }
  check(sqlite3_bind_null(statement_.get(), ++parameter_));
  return *this;
}

Statement& Statement::bind(const std::optional<Time>& time) {
  return bind(time ? std::optional<std::int64_t>(time->time_since_epoch().count()) : std::nullopt);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  column_ = 0;
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    throw database_.error("cannot work with the journal");
  }
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
}

std::string Statement::text() {
  const int column = column_++;
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return text == nullptr ? std::string()
                         : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::int64_t Statement::number() { return sqlite3_column_int64(statement_.get(), column_++); }

std::optional<std::int64_t> Statement::optional_number() {
  if (sqlite3_column_type(statement_.get(), column_) == SQLITE_NULL) {
    ++column_;
    return std::nullopt;
  }
  return number();
}

std::optional<Time> Statement::optional_time() {
  const auto micros = optional_number();
  return micros ? std::optional(Time(std::chrono::microseconds(*micros))) : std::nullopt;
}

Time Statement::time() { return Time(std::chrono::microseconds(number())); }

Transaction::Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (open_) {
    // Nothing to tell where even this fails: closing the file rolls back too.
    sqlite3_exec(database_.handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace pgrecall
