#include "alert/deliveries.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "io/fd.h"
#include "journal/database.h"
#include "unit/alert/fixture.h"

namespace deliveries_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {
class Listener final : public DeliveryListener {
 public:
  void on_taken(const std::string& receiver, const Notification&, const std::string&) noexcept override {
    note("taken " + receiver);
  }
  void on_failing(const std::string& receiver, const std::string& problem, std::chrono::milliseconds) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      problem_ = problem;
    }
    note("failing " + receiver);
  }
  void on_given_up(const std::string& receiver, const Notification&, const std::string&) noexcept override {
    note("given up " + receiver);
  }
  void on_trouble(const std::string& text) noexcept override { note("trouble " + text); }

  bool wait_for(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return std::find(told_.begin(), told_.end(), text) != told_.end(); });
  }
  bool wait_for(const std::string& text, std::ptrdiff_t times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return std::count(told_.begin(), told_.end(), text) >= times; });
  }
  std::string problem() {
    const std::lock_guard lock(mutex_);
    return problem_;
  }

 private:
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    told_.push_back(text);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
  std::string problem_;
};

// Listens, and never answers by itself.
class SilentPeer {
 public:
  SilentPeer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(socket_.get(), 10) == 0);
    socklen_t length = sizeof(address);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  void close() { socket_ = Fd(); }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/c4n4ry"; }

 private:
  Fd socket_;
  int port_ = 0;
};

// Takes every message.
class TakingPeer {
 public:
  TakingPeer() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~TakingPeer() {
    thread_.request_stop();
    ::shutdown(peer_.socket(), SHUT_RDWR);
  }
  TakingPeer(const TakingPeer&) = delete;
  TakingPeer& operator=(const TakingPeer&) = delete;
  [[nodiscard]] std::string url() const { return peer_.url(); }
  [[nodiscard]] int taken() const { return taken_; }

 private:
  void run(const std::stop_token& stop) {
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    while (!stop.stop_requested()) {
      const Fd connection(::accept4(peer_.socket(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      std::array<char, 4096> piece{};
      while (connection && request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t length = ::read(connection.get(), piece.data(), piece.size());
        if (length <= 0) {
          break;
        }
        request.append(piece.data(), static_cast<std::size_t>(length));
      }
      if (connection && ::write(connection.get(), answer.data(), answer.size()) > 0) {
        ++taken_;
        ::shutdown(connection.get(), SHUT_WR);
        while (::read(connection.get(), piece.data(), piece.size()) > 0) {
        }
      }
    }
  }

  SilentPeer peer_;
  std::atomic<int> taken_ = 0;
  std::jthread thread_;
};

AlertsConfig config_of(const std::map<std::string, std::string>& urls) {
  AlertsConfig config;
  for (const auto& [name, url] : urls) {
    config.receivers[name].url.literal = Secret(url);
  }
  return config;
}
}  // namespace

TEST_CASE("What cannot be delivered stays, and a peer that never answers holds back nobody") {
  const Directory directory;
  const SystemClock clock;
  Listener listener;
  SilentPeer silent;
  SilentPeer gone;
  gone.close();
  Outbox outbox(directory.path());
  {
    Deliveries deliveries(outbox, clock, listener);
    deliveries.configure(config_of({{"silent", silent.url()}, {"gone", gone.url()}}));
    outbox.add(notification(), {"silent", "gone"});
    CHECK(listener.wait_for("failing gone"));
    CHECK(listener.problem().find("host=127.0.0.1") != std::string::npos);
    CHECK(listener.problem().find("c4n4ry") == std::string::npos);
    const auto figures = deliveries.figures();
    REQUIRE(figures.size() == 2);
    CHECK(figures[0].receiver == "gone");
    CHECK(figures[0].failing_since);
    CHECK(figures[0].failures.at("connect") >= 1);
    CHECK_FALSE(figures[1].failing_since);
  }
  CHECK(outbox.count_waiting("silent") == 1);
  CHECK(outbox.count_waiting("gone") == 1);
}

TEST_CASE("A receiver that the configuration has no more leaves nothing behind") {
  const Directory directory;
  const SystemClock clock;
  Listener listener;
  Outbox outbox(directory.path());
  outbox.add(notification(), {"old"});
  Deliveries deliveries(outbox, clock, listener);
  deliveries.configure(config_of({}));
  CHECK(outbox.count_waiting("old") == 0);
  CHECK(deliveries.figures().empty());
}

TEST_CASE("What was tried for too long is given up, and told of") {
  const Directory directory;
  const SystemClock clock;
  Listener listener;
  SilentPeer gone;
  gone.close();
  Outbox outbox(directory.path());
  outbox.add(notification(), {"gone"});
  outbox.mark_tried(outbox.waiting("gone")[0].id, clock.now() - 25h, clock.now(), "refused");
  Deliveries deliveries(outbox, clock, listener);
  deliveries.configure(config_of({{"gone", gone.url()}}));
  CHECK(listener.wait_for("given up gone"));
  CHECK(outbox.count_waiting("gone") == 0);
  CHECK(deliveries.figures()[0].given_up == 1);
  CHECK(deliveries.figures()[0].last_given_up);
}

TEST_CASE("What was sent is not sent again while the outbox cannot be told so") {
  const Directory directory;
  const SystemClock clock;
  Listener listener;
  const TakingPeer peer;
  Outbox outbox(directory.path());
  Database full(directory.path() + "/state.db");
  full.execute("CREATE TRIGGER full BEFORE UPDATE OF sent ON outbox BEGIN SELECT RAISE(ABORT, 'no space'); END");
  {
    Deliveries deliveries(outbox, clock, listener);
    deliveries.configure(config_of({{"oncall", peer.url()}}));
    outbox.add(notification("shop"), {"oncall"});
    CHECK(listener.wait_for("taken oncall", 1));
    outbox.add(notification("crm"), {"oncall"});  // wakes it, and is not held back
    CHECK(listener.wait_for("taken oncall", 2));
    CHECK(outbox.count_waiting("oncall") == 2);
    full.execute("DROP TRIGGER full");
    outbox.add(notification("erp"), {"oncall"});
    CHECK(listener.wait_for("taken oncall", 3));
  }
  CHECK(outbox.count_waiting("oncall") == 0);
  CHECK(peer.taken() == 3);
}

}  // namespace deliveries_test
