#include "postgres/session.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "postgres/server_message.h"

namespace pgrecall {
namespace {

// Notices that nobody took yet; more than this between two calls of libpq would be a server gone mad.
constexpr std::size_t max_pending_notices = 10'000;

int milliseconds_until(const ServerSession::Deadline& deadline) {
  if (!deadline) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, std::numeric_limits<int>::max()));
}

// TLS hands over whole records: the socket may be empty while bytes of the last record wait inside the library.
bool tls_bytes_pending(PGconn* connection) noexcept {
  if (PQsslInUse(connection) == 0) {
    return false;
  }
  const auto* tls = static_cast<const SSL*>(PQsslStruct(connection, "OpenSSL"));
  return tls != nullptr && SSL_pending(tls) > 0;
}

}  // namespace

std::string_view error_field(const PGresult* result, int code) noexcept {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : std::string_view(text);
}

ServerSession::ServerSession(ReplicationMode mode, std::stop_token stop)
    : mode_(mode), stop_(std::move(stop)), wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wakeup_) {
    throw system_error("cannot make an event descriptor", "eventfd", errno);
  }
  on_stop_.emplace(stop_, [this] { wake(); });
}

void ServerSession::adopt(PGconn* connection) {
  connection_.reset(connection);
  if (connection == nullptr) {
    throw Error(ErrorKind::failed, "out of memory for a database connection");
  }
  PQsetNoticeReceiver(connection, &ServerSession::receive_notice, this);
}

void ServerSession::throw_if_stopped(std::string_view operation) const {
  if (!outlives_stop_ && stop_.stop_requested()) {
    throw Error(ErrorKind::cancelled, "stopped during " + std::string(operation));
  }
}

void ServerSession::wake() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the waiter is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_.get(), &one, sizeof one);
}

ServerSession::Wake ServerSession::wait(short events, const Deadline& deadline, std::string_view operation) {
  while (true) {
    throw_if_stopped(operation);
    if ((events & POLLIN) != 0 && tls_bytes_pending(connection_.get())) {
      return Wake::socket;
    }
    std::array<pollfd, 2> descriptors{{{.fd = PQsocket(connection_.get()), .events = events, .revents = 0},
                                       {.fd = wakeup_.get(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(descriptors.data(), descriptors.size(), milliseconds_until(deadline));
    if (ready < 0) {
      if (errno == EINTR) {
        continue;
      }
      throw system_error("cannot wait for the server", "socket", errno);
    }
    if (ready == 0) {
      return Wake::deadline;
    }
    if (descriptors[1].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t drained = ::read(wakeup_.get(), &count, sizeof count);
      throw_if_stopped(operation);
      return Wake::woken;
    }
    return Wake::socket;
  }
}

void ServerSession::wait_for_socket(short events, std::string_view operation) {
  while (wait(events, std::nullopt, operation) == Wake::woken) {
    pending_wake_ = true;
  }
}

void ServerSession::receive_notice(void* self, const PGresult* notice) noexcept {
  auto& session = *static_cast<ServerSession*>(self);
  if (session.callback_ && session.notices_.size() < max_pending_notices) {
    session.notices_.push_back({.severity = std::string(error_field(notice, PG_DIAG_SEVERITY_NONLOCALIZED)),
                                .sqlstate = std::string(error_field(notice, PG_DIAG_SQLSTATE)),
                                .message = clean_text(error_field(notice, PG_DIAG_MESSAGE_PRIMARY))});
  }
}

void ServerSession::deliver_pending_notices() {
  const std::vector<ServerNotice> taken = std::exchange(notices_, {});
  for (const ServerNotice& notice : taken) {
    callback_(notice);
  }
}

void ServerSession::flush(std::string_view operation) {
  while (true) {
    const int rest = PQflush(connection_.get());
    if (rest == 0) {
      return;
    }
    if (rest < 0) {
      throw lost(operation);
    }
    // A server that is itself blocked on sending to us reads nothing until we take what it sent.
    wait_for_socket(POLLIN | POLLOUT, operation);
    if (PQconsumeInput(connection_.get()) == 0) {
      throw lost(operation);
    }
  }
}

PGresult* ServerSession::wait_for_result(std::string_view operation) {
  while (PQisBusy(connection_.get()) != 0) {
    wait_for_socket(POLLIN, operation);
    if (PQconsumeInput(connection_.get()) == 0) {
      // PQgetResult makes a result of why, with the server's last words where it said any.
      break;
    }
  }
  PGresult* result = PQgetResult(connection_.get());
  deliver_notices();
  return result;
}

Error ServerSession::error(std::string message, std::string hint) const {
  Error error(ErrorKind::database_unreachable, std::move(message), std::move(hint));
  const auto add = [&error](std::string_view key, const char* value) {
    if (value != nullptr && *value != '\0') {
      error.with(key, clean_text(value));
    }
  };
  add("host", PQhost(connection_.get()));
  add("port", PQport(connection_.get()));
  add("user", PQuser(connection_.get()));
  add("dbname", PQdb(connection_.get()));
  return error;
}

Error ServerSession::lost(std::string_view operation) const {
  const std::string reason = read_connect_failure(PQerrorMessage(connection_.get())).text;
  return error("the connection was lost during " + std::string(operation) + (reason.empty() ? "" : ": " + reason),
               "look at the server's log, and at the network between")
      .mark_passing();
}

}  // namespace pgrecall
