#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pgrecall {

// One SQLite connection. Not for use by two threads at once. Every failure is an Error{failed} with the file's name, and with
// passing() set where a later try may succeed (disk full, I/O error, read-only, locked).
class Database {
 public:
  // Makes the file when it is not there.
  explicit Database(const std::string& path);

  // Runs statements that give no rows. Only texts of this module: nothing is ever put together from values.
  void execute(const char* statements);
  [[nodiscard]] std::int64_t last_row_id() const noexcept;
  [[nodiscard]] int changes() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  friend class Statement;
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  [[nodiscard]] Error error(std::string_view what) const;

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// One prepared statement: bind in order, then step. Columns are read in order after a step that gave a row.
class Statement {
 public:
  Statement(Database& database, std::string_view text);

  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  Statement& bind(const std::optional<Time>& time);
  Statement& bind(const std::optional<std::int64_t>& number);
  // True when there is a row.
  [[nodiscard]] bool step();
  // For statements that give no rows.
  void run();

  [[nodiscard]] std::string text();
  [[nodiscard]] std::int64_t number();
  [[nodiscard]] std::optional<std::int64_t> optional_number();
  [[nodiscard]] std::optional<Time> optional_time();
  [[nodiscard]] Time time();

 private:
  void check(int code);

  struct Finish {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finish> statement_;
  int parameter_ = 0;
  int column_ = 0;
};

// Everything or nothing: rolled back unless commit() was reached.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace pgrecall
