#include "postgres/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "io/fd.h"

namespace connection_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {

// Accepts connections and says nothing: what a stopped server or a wrong port looks like.
class SilentServer {
 public:
  SilentServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  [[nodiscard]] ConnectionSettings settings() const {
    ConnectionSettings settings;
    settings.conninfo = "host=127.0.0.1 user=u sslmode=disable port=" + std::to_string(port_);
    settings.password = Secret("canary");
    return settings;
  }
  // Returns once a client's startup packet is here.
  [[nodiscard]] Fd accept_startup() const {
    Fd client(::accept(listener_.get(), nullptr, nullptr));
    char first = 0;
    REQUIRE(::recv(client.get(), &first, 1, 0) == 1);
    return client;
  }

 private:
  Fd listener_;
  int port_ = 0;
};

Error failure_of(const ConnectionSettings& settings, const std::stop_token& stop) {
  try {
    static_cast<void>(connect_replication(settings, stop));
  } catch (const Error& error) {
    return error;
  }
  FAIL("connected");
  return Error(ErrorKind::failed, "connected");
}

}  // namespace

TEST_CASE("a server that does not answer is given up after the timeout") {
  const SilentServer server;
  ConnectionSettings settings = server.settings();
  settings.connect_timeout = 20ms;
  const Error error = failure_of(settings, {});
  CHECK(error.kind() == ErrorKind::database_unreachable);
  CHECK(error.message() == "the server did not answer in time");
  CHECK(error.context("host") == "127.0.0.1");
  CHECK(error.context("user") == "u");
  CHECK(error.passing());
}

TEST_CASE("connecting ends when it is stopped") {
  const SilentServer server;
  ConnectionSettings settings = server.settings();
  settings.connect_timeout = 1h;
  std::stop_source stop;
  std::jthread stopper([&] {
    const Fd client = server.accept_startup();
    stop.request_stop();
  });
  CHECK(failure_of(settings, stop.get_token()).kind() == ErrorKind::cancelled);
}

TEST_CASE("nothing is tried after the stop") {
  const SilentServer server;
  std::stop_source stop;
  stop.request_stop();
  CHECK(failure_of(server.settings(), stop.get_token()).kind() == ErrorKind::cancelled);
}

TEST_CASE("a peer that hangs up is an error with the address and without the password") {
  const SilentServer server;
  std::jthread peer([&] { static_cast<void>(server.accept_startup()); });
  const Error error = failure_of(server.settings(), {});
  CHECK(error.kind() == ErrorKind::database_unreachable);
  CHECK(error.message().find("closed the connection unexpectedly") != std::string::npos);
  CHECK(std::string(error.what() + error.hint()).find("canary") == std::string::npos);
}

TEST_CASE("a peer that speaks another protocol is no server") {
  const SilentServer server;
  std::jthread peer([&] {
    const Fd client = server.accept_startup();
    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static_cast<void>(::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
  });
  CHECK(failure_of(server.settings(), {}).kind() == ErrorKind::database_unreachable);
}

TEST_CASE("nobody listening is told with a hint") {
  ConnectionSettings settings;
  settings.conninfo = "host=/nonexistent port=5432 user=u";
  const Error error = failure_of(settings, {});
  CHECK(error.kind() == ErrorKind::database_unreachable);
  CHECK(error.hint().find("server runs") != std::string::npos);
  CHECK(error.context("dbname") == "postgres");
}

}  // namespace connection_test
