#include <libpq-fe.h>
#include <poll.h>

#include <variant>

#include "postgres/conninfo.h"
#include "postgres/replication.h"
#include "postgres/server_message.h"
#include "postgres/session.h"

namespace pgrecall {

// One try to connect: a session, or why not.
class ConnectAttempt {
 public:
  struct Failure {
    ServerMessage message;
    Error error;
  };
  using Outcome = std::variant<Connection, Failure>;

  [[nodiscard]] static Outcome make(const ConnectionSettings& settings, ReplicationMode mode, std::stop_token stop) {
    const ConnectParameters parameters = connect_parameters(settings, mode);
    auto session = std::make_unique<ServerSession>(mode, std::move(stop));
    start(*session, parameters);
    if (!establish(*session, std::chrono::steady_clock::now() + parameters.timeout)) {
      return failure(*session);
    }
    if (PQsetnonblocking(session->connection(), 1) != 0) {
      return failure(*session);
    }
    return Connection(std::move(session));
  }

 private:
  static void start(ServerSession& session, const ConnectParameters& parameters) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : parameters.options) {
      keywords.push_back(keyword.c_str());
      values.push_back(value.reveal().c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    session.adopt(PQconnectStartParams(keywords.data(), values.data(), 0));
    // The only way by which libpq tells the code of a refused connection.
    PQsetErrorVerbosity(session.connection(), PQERRORS_VERBOSE);
  }

  static bool establish(ServerSession& session, std::chrono::steady_clock::time_point deadline) {
    constexpr std::string_view operation = "connecting";
    PGconn* connection = session.connection();
    if (PQstatus(connection) == CONNECTION_BAD) {
      return false;
    }
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
      const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
      ServerSession::Wake wake = ServerSession::Wake::woken;
      while (wake == ServerSession::Wake::woken) {
        wake = session.wait(events, deadline, operation);
      }
      if (wake == ServerSession::Wake::deadline) {
        throw session.error("the server did not answer in time", connect_hint({}, {})).mark_passing();
      }
      next = PQconnectPoll(connection);
    }
    return next == PGRES_POLLING_OK;
  }

  static Failure failure(const ServerSession& session) {
    PGconn* connection = session.connection();
    ServerMessage message = read_connect_failure(PQerrorMessage(connection));
    const char* user = PQuser(connection);
    Error error = session.error("cannot connect: " + message.text, connect_hint(message, user == nullptr ? "" : user));
    if (!message.sqlstate.empty()) {
      error.with("sqlstate", message.sqlstate);
    }
    error.with("replication", name(session.mode()));
    if (may_pass_later(message)) {
      std::move(error).mark_passing();
    }
    return {std::move(message), std::move(error)};
  }
};

namespace {

Connection take(ConnectAttempt::Outcome outcome) {
  if (auto* failure = std::get_if<ConnectAttempt::Failure>(&outcome)) {
    throw Error(failure->error);
  }
  return std::get<Connection>(std::move(outcome));
}

Connection connect_either_way(const ConnectionSettings& settings, const std::stop_token& stop) {
  ConnectAttempt::Outcome first = ConnectAttempt::make(settings, ReplicationMode::database, stop);
  const auto* refused = std::get_if<ConnectAttempt::Failure>(&first);
  if (refused == nullptr || !other_mode_may_pass(refused->message)) {
    return take(std::move(first));
  }
  ConnectAttempt::Outcome second = ConnectAttempt::make(settings, ReplicationMode::physical, stop);
  if (const auto* failure = std::get_if<ConnectAttempt::Failure>(&second)) {
    // pg_hba.conf lines for replication are not expected; then the reason to act on is the first one.
    if (refused_by_hba(failure->message)) {
      throw Error(refused->error).caused_by(failure->error);
    }
    throw Error(failure->error).caused_by(refused->error);
  }
  return take(std::move(second));
}

}  // namespace

Connection Connection::open(const ConnectionSettings& settings, ReplicationMode mode, std::stop_token stop) {
  return take(ConnectAttempt::make(settings, mode, std::move(stop)));
}

Connection connect_replication(const ConnectionSettings& settings, std::stop_token stop) {
  Connection connection = connect_either_way(settings, stop);
  static_cast<void>(identify_system(connection));
  if (connection.mode() == ReplicationMode::database) {
    // The role or database may set limits and a search path; neither is to touch a backup.
    connection.exec(
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog', false), pg_catalog.set_config('statement_timeout', '0', "
        "false)");
    if (connection.server_major() >= 14) {
      connection.exec("SELECT pg_catalog.set_config('idle_session_timeout', '0', false)");
    }
  }
  return connection;
}

}  // namespace pgrecall
