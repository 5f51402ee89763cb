#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"
#include "base/secret.h"

struct pg_conn;
struct pg_result;

namespace pgrecall {

// What a connection is for, as the startup parameter `replication` says it.
enum class ReplicationMode {
  none,      // plain SQL
  physical,  // replication=true: needs a `replication` line in pg_hba.conf; replication commands and SHOW only
  database,  // replication=database: matches `all` in pg_hba.conf; replication commands and SQL
};
[[nodiscard]] std::string_view name(ReplicationMode mode) noexcept;

struct ConnectionSettings {
  // libpq's: "host=... user=..." or "postgresql://...". May name several hosts, a service, a PGPASSFILE entry.
  std::string conninfo;
  // Wins over a password in the conninfo or the environment, unless empty.
  Secret password;
  // Wins over the conninfo's, unless empty; "pgrecall" when neither names one. The server matches
  // synchronous_standby_names against it.
  std::string application_name;
  // For each host named. A connect_timeout in the conninfo wins.
  std::chrono::milliseconds connect_timeout{10'000};
};

// A NOTICE or WARNING of the server.
struct ServerNotice {
  std::string severity;  // not localized: "WARNING"
  std::string sqlstate;
  std::string message;
};

// One answer of the server: rows of text. Owns the PGresult. Getters throw Error{database_unreachable} for a field that
// is absent, NULL or not of the type asked for, naming the column.
class Result {
 public:
  enum class Kind { none, command, rows, copy_in, copy_out, copy_both, other };

  explicit Result(pg_result* result) noexcept : result_(result) {}

  [[nodiscard]] Kind kind() const noexcept;

  [[nodiscard]] int rows() const noexcept;
  [[nodiscard]] int columns() const noexcept;
  [[nodiscard]] bool is_null(int row, int column) const;
  // Valid as long as this object.
  [[nodiscard]] std::string_view text(int row, int column) const;
  [[nodiscard]] std::optional<std::string_view> optional_text(int row, int column) const;
  [[nodiscard]] std::uint64_t unsigned_number(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;
  [[nodiscard]] bool boolean(int row, int column) const;
  [[nodiscard]] Lsn lsn(int row, int column) const;
  // All fields of a row, NULL as nothing; for the decoders of replication_messages.h.
  [[nodiscard]] std::vector<std::optional<std::string_view>> fields(int row) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

class ServerSession;

// One session with a PostgreSQL server. Owns the PGconn. Not for use by two threads at once, wake() aside.
//
// Every call that waits, waits for the socket and for the stop token together: it returns soon after the token is
// stopped, with Error{cancelled}, and soon after the server is gone, with Error{database_unreachable}. After either,
// the session is of no further use. An Error carries sqlstate, host, port, user and dbname as context and never a
// password. (libpq resolves host names in a call that cannot be interrupted; give hostaddr where that matters.)
class Connection {
 public:
  // One attempt: no retry. Sets nothing in the session, since a plain one may be a pooler's and shared with others: qualify
  // names with pg_catalog.
  [[nodiscard]] static Connection open(const ConnectionSettings& settings, ReplicationMode mode, std::stop_token stop);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  [[nodiscard]] ReplicationMode mode() const noexcept;
  // As server_version_num: 150020.
  [[nodiscard]] int server_version() const noexcept;
  [[nodiscard]] int server_major() const noexcept { return server_version() / 10'000; }
  // Of the session, e.g. "server_encoding"; empty when the server does not report it.
  [[nodiscard]] std::string parameter(std::string_view parameter_name) const;

  // Called for each notice, in the thread that uses the connection, after the message was taken in. Without one,
  // notices go nowhere.
  void on_notice(std::function<void(const ServerNotice&)> callback);

  // Runs one command. Throws Error{database_unreachable} with sqlstate when the server refuses it.
  Result exec(std::string_view command);
  // With $1, $2 ... as text, NULL as nothing. Not on replication connections.
  Result exec_params(std::string_view command, std::span<const std::optional<std::string>> parameters);

  // The pieces that commands with more than one answer, or with COPY, are made of.

  // Sends a command and returns once it is on its way. `operation` says in errors what it was for.
  void send(std::string_view command, std::string_view operation);
  // The next answer, or nothing after the last. Refusals are thrown, after the rest was read away.
  [[nodiscard]] std::optional<Result> next_result(std::string_view operation);
  // Reads the remaining answers away; refusals are thrown.
  void finish_command(std::string_view operation);

  enum class CopyState {
    message,  // a message is there
    end,      // the server ended the COPY: ask next_result()
    idle,     // nothing came until the deadline or wake()
  };
  // The next CopyData message. The view is valid until the next call on this connection.
  [[nodiscard]] CopyState next_copy_message(std::span<const std::byte>& message, std::string_view operation,
                                            std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt);
  // The same without waiting: `idle` means that nothing is at hand.
  [[nodiscard]] CopyState poll_copy_message(std::span<const std::byte>& message, std::string_view operation);
  // Makes next_copy_message() return `idle` now, or the next time that it would wait. For any thread.
  void wake() noexcept;
  // From now on the stop token interrupts nothing: for what is to be said and heard before the session ends. Give a deadline
  // wherever something is waited for.
  void outlive_stop() noexcept;
  void send_copy_message(std::span<const std::byte> message, std::string_view operation);
  void send_copy_end(std::string_view operation);

  // An Error about this session with its host, port, user and dbname.
  [[nodiscard]] Error error(std::string message, std::string hint = {}) const;

 private:
  friend class ConnectAttempt;
  explicit Connection(std::unique_ptr<ServerSession> session) noexcept;
  [[nodiscard]] CopyState buffered_copy_message(std::span<const std::byte>& message, std::string_view operation);

  std::unique_ptr<ServerSession> session_;
};

// Connects for replication: with replication=database first (the conninfo's database, else `postgres`), since that
// matches `all` in pg_hba.conf; with replication=true when pg_hba.conf or the database refuses that. mode() tells which
// one it became. A failed authentication is never tried again: servers ban addresses for it. A pooler that ignores
// replication is recognized by its answer to IDENTIFY_SYSTEM and named. With a database, the session has no
// statement timeout and search_path = pg_catalog.
[[nodiscard]] Connection connect_replication(const ConnectionSettings& settings, std::stop_token stop);

}  // namespace pgrecall
