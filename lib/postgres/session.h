#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "io/fd.h"
#include "postgres/connection.h"

namespace pgrecall {

// What a Connection is made of: the PGconn, and the one place that waits for it. Stays where it is in memory, since libpq
// and the stop token point to it. For connection.cpp and connect.cpp only.
class ServerSession {
 public:
  enum class Wake { socket, woken, deadline };
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  ServerSession(ReplicationMode mode, std::stop_token stop);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Takes over the connection; null where libpq had no memory for it.
  void adopt(PGconn* connection);
  [[nodiscard]] PGconn* connection() const noexcept { return connection_.get(); }
  [[nodiscard]] ReplicationMode mode() const noexcept { return mode_; }

  // Until the socket has one of `events` (poll(2)), wake() is called, the stop token stops (throws), or the deadline passes.
  Wake wait(short events, const Deadline& deadline, std::string_view operation);
  // As wait(), for operations that wake() is not meant for: it is kept for the next take_wake().
  void wait_for_socket(short events, std::string_view operation);
  void wake() noexcept;
  [[nodiscard]] bool take_wake() noexcept { return std::exchange(pending_wake_, false); }
  void throw_if_stopped(std::string_view operation) const;
  void outlive_stop() noexcept { outlives_stop_ = true; }

  void on_notice(std::function<void(const ServerNotice&)> callback) { callback_ = std::move(callback); }
  // Hands over what came in meanwhile: outside of libpq's C frames, through which no exception may fly.
  void deliver_notices() {
    if (!notices_.empty()) {
      deliver_pending_notices();
    }
  }

  // Sends what is buffered.
  void flush(std::string_view operation);
  // The next answer of any status, or null after the last.
  [[nodiscard]] PGresult* wait_for_result(std::string_view operation);

  [[nodiscard]] Error error(std::string message, std::string hint) const;
  // About a connection that broke: libpq's reason with it.
  [[nodiscard]] Error lost(std::string_view operation) const;

  struct Free {
    void operator()(char* memory) const noexcept { PQfreemem(memory); }
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  // The message that the last next_copy_message() gave out.
  std::unique_ptr<char, Free> copy_message;

 private:
  static void receive_notice(void* self, const PGresult* notice) noexcept;
  void deliver_pending_notices();

  ReplicationMode mode_;
  std::stop_token stop_;
  Fd wakeup_;  // eventfd
  bool pending_wake_ = false;
  bool outlives_stop_ = false;
  std::unique_ptr<PGconn, Free> connection_;
  std::vector<ServerNotice> notices_;
  std::function<void(const ServerNotice&)> callback_;
  // Last, so that it is gone before what it wakes.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

// A field of an error result, or empty.
[[nodiscard]] std::string_view error_field(const PGresult* result, int code) noexcept;

}  // namespace pgrecall
