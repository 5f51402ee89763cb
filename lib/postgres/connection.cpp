#include "postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <vector>

#include "postgres/server_message.h"
#include "postgres/session.h"

namespace pgrecall {
namespace {

bool is_refusal(const PGresult* result) noexcept {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

}  // namespace

std::string_view name(ReplicationMode mode) noexcept {
  switch (mode) {
    case ReplicationMode::none: return "none";
    case ReplicationMode::physical: return "physical";
    case ReplicationMode::database: return "database";
  }
  return "none";
}

Connection::Connection(std::unique_ptr<ServerSession> session) noexcept : session_(std::move(session)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

ReplicationMode Connection::mode() const noexcept { return session_->mode(); }

int Connection::server_version() const noexcept { return PQserverVersion(session_->connection()); }

std::string Connection::parameter(std::string_view parameter_name) const {
  const char* value = PQparameterStatus(session_->connection(), std::string(parameter_name).c_str());
  return value == nullptr ? std::string{} : clean_text(value);
}

void Connection::on_notice(std::function<void(const ServerNotice&)> callback) { session_->on_notice(std::move(callback)); }

void Connection::wake() noexcept { session_->wake(); }

Error Connection::error(std::string message, std::string hint) const {
  return session_->error(std::move(message), std::move(hint));
}

void Connection::send(std::string_view command, std::string_view operation) {
  session_->throw_if_stopped(operation);
  if (PQsendQuery(session_->connection(), std::string(command).c_str()) == 0) {
    throw session_->lost(operation);
  }
  session_->flush(operation);
}

std::optional<Result> Connection::next_result(std::string_view operation) {
  session_->copy_message.reset();
  PGresult* raw = session_->wait_for_result(operation);
  if (raw == nullptr) {
    return std::nullopt;
  }
  Result result(raw);
  if (!is_refusal(raw)) {
    return result;
  }
  const std::string code(error_field(raw, PG_DIAG_SQLSTATE));
  if (code.empty()) {
    throw session_->lost(operation);
  }
  std::string message = std::string(operation) + " failed: " + clean_text(error_field(raw, PG_DIAG_MESSAGE_PRIMARY));
  if (const std::string_view detail = error_field(raw, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    message += " (" + clean_text(detail) + ")";
  }
  Error error = session_->error(std::move(message), command_hint(code)).with("sqlstate", code);
  if (may_pass_later({.sqlstate = code, .function = {}, .text = {}})) {
    static_cast<void>(std::move(error).mark_passing());  // marks it in place: assigned to itself it would lose its text
  }
  while (PQstatus(session_->connection()) == CONNECTION_OK) {
    const Result rest(session_->wait_for_result(operation));
    if (rest.kind() == Result::Kind::none) {
      break;
    }
  }
  throw Error(error);
}

void Connection::finish_command(std::string_view operation) {
  while (next_result(operation)) {
  }
}

Result Connection::exec(std::string_view command) {
  constexpr std::string_view operation = "a query";
  send(command, operation);
  std::optional<Result> last;
  while (std::optional<Result> result = next_result(operation)) {
    last = std::move(result);
  }
  return last ? std::move(*last) : throw error("the server gave no answer to a query");
}

Result Connection::exec_params(std::string_view command, std::span<const std::optional<std::string>> parameters) {
  constexpr std::string_view operation = "a query";
  session_->throw_if_stopped(operation);
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  if (PQsendQueryParams(session_->connection(), std::string(command).c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    throw session_->lost(operation);
  }
  session_->flush(operation);
  std::optional<Result> result = next_result(operation);
  finish_command(operation);
  return result ? std::move(*result) : throw error("the server gave no answer to a query");
}

Connection::CopyState Connection::buffered_copy_message(std::span<const std::byte>& message, std::string_view operation) {
  char* buffer = nullptr;
  const int size = PQgetCopyData(session_->connection(), &buffer, 1);
  session_->copy_message.reset(buffer);
  session_->deliver_notices();
  if (size > 0) {
    message = std::as_bytes(std::span(buffer, static_cast<std::size_t>(size)));
    return CopyState::message;
  }
  if (size == -2) {
    throw session_->lost(operation);
  }
  return size == 0 ? CopyState::idle : CopyState::end;
}

Connection::CopyState Connection::poll_copy_message(std::span<const std::byte>& message, std::string_view operation) {
  const CopyState state = buffered_copy_message(message, operation);
  if (state != CopyState::idle) {
    return state;
  }
  // What the socket has already is taken without asking poll(2) first: at full speed there nearly always is something.
  if (PQconsumeInput(session_->connection()) == 0) {
    throw session_->lost(operation);
  }
  return buffered_copy_message(message, operation);
}

Connection::CopyState Connection::next_copy_message(std::span<const std::byte>& message, std::string_view operation,
                                                    std::optional<std::chrono::steady_clock::time_point> deadline) {
  session_->throw_if_stopped(operation);
  while (true) {
    const CopyState state = poll_copy_message(message, operation);
    if (state != CopyState::idle || session_->take_wake()) {
      return state;
    }
    if (session_->wait(POLLIN, deadline, operation) != ServerSession::Wake::socket) {
      return CopyState::idle;
    }
  }
}

void Connection::outlive_stop() noexcept { session_->outlive_stop(); }

void Connection::send_copy_message(std::span<const std::byte> message, std::string_view operation) {
  if (PQputCopyData(session_->connection(), reinterpret_cast<const char*>(message.data()), static_cast<int>(message.size())) !=
      1) {
    throw session_->lost(operation);
  }
  session_->flush(operation);
}

void Connection::send_copy_end(std::string_view operation) {
  if (PQputCopyEnd(session_->connection(), nullptr) != 1) {
    throw session_->lost(operation);
  }
  session_->flush(operation);
}

}  // namespace pgrecall
