#include "service/service.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <thread>

#include "client/api_client.h"
#include "jobs/open_repository.h"
#include "repository/repository.h"
#include "service/control_socket.h"
#include "service/log.h"
#include "store/object_store.h"
#include "unit/service/scratch.h"

namespace service_test {

// The whole service in this process, with a repository and without servers: enough for every thread of it to meet the others.

using namespace pgrecall;
using nlohmann::ordered_json;

namespace {
class Running {
 public:
  explicit Running(unsigned clusters) {
    const SystemClock clock;
    const auto store = open_store(scratch / "repository");
    Repository::create(*store, Repository::Sealing::none, {}, clock);
    configure(clusters);
    thread_ = std::thread([this] { exit_code = run_service(load_config(config()), {}); });
    ApiClient client = api();
    while (!client.reachable()) {
      std::this_thread::yield();
    }
  }
  ~Running() {
    if (thread_.joinable()) {
      end();
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void configure(unsigned clusters) const {
    std::ofstream file(config());
    file << "repositories: { main: { path: repository } }\nspool: spool\nlog: { level: error }\nmetrics: { listen: off }\n"
         << "daemon: { socket: " << scratch / "socket"
         << ", state: state }\nclusters:\n";
    for (unsigned i = 0; i < clusters; ++i) {
      file << "  c" << i << ": { connection: \"host=" << scratch.path.string() << " user=x dbname=x\", repository: main, "
           << "schedule: { daily: never, weekly: never, monthly: never, verify: never, drill: never, expire: never, check: never "
              "} }\n";
    }
  }
  [[nodiscard]] std::string config() const { return scratch / "pgrecall.yaml"; }
  [[nodiscard]] ApiClient api() const { return ApiClient(scratch / "socket"); }
  void end() {
    ::kill(::getpid(), SIGTERM);
    thread_.join();
  }

  Scratch scratch;
  int exit_code = -1;

 private:
  std::thread thread_;
};

void wait_until_active(const ApiClient& client, std::size_t clusters) {
  while (true) {
    const ordered_json status = client.get("/v1/status");
    std::size_t active = 0;
    for (const ordered_json& cluster : status.at("clusters")) {
      active += cluster.at("state") == "active" ? 1U : 0U;
    }
    if (active == clusters) {
      return;
    }
    std::this_thread::yield();
  }
}
}  // namespace

TEST_CASE("the service starts, is asked by many at once, reloads and ends") {
  Running service(4);
  const ApiClient client = service.api();
  wait_until_active(client, 4);
  std::vector<std::jthread> askers;
  std::atomic<int> over{0};
  for (int asker = 0; asker < 4; ++asker) {
    askers.emplace_back([&, asker] {
      for (int i = 0; i < 5; ++i) {
        const ordered_json body{{"cluster", "c" + std::to_string(asker % 3)}, {"job", i % 2 == 0 ? "check" : "backup"}};
        const std::string id = client.post("/v1/runs", body).at("run").at("id");
        if (i == 3) {
          try {
            static_cast<void>(client.post("/v1/runs/" + id + "/cancel", ordered_json::object()));
          } catch (const Error& was_over) {
            CHECK(was_over.message() == "the run is over already");
          }
        }
        client.follow(id, {},
                      [&](const ordered_json& line) { over += line.contains("run") && line["run"].contains("result") ? 1 : 0; });
        static_cast<void>(client.get("/v1/status"));
      }
    });
  }
  service.configure(5);
  CHECK(client.post("/v1/reload", ordered_json::object()).at("changes") == "cluster c4 is new");
  wait_until_active(client, 5);
  service.configure(3);
  static_cast<void>(client.post("/v1/reload", ordered_json::object()));
  askers.clear();
  CHECK(over == 20);
  const ordered_json runs = client.get("/v1/runs?limit=100");
  for (const ordered_json& run : runs.at("runs")) {
    CHECK(run.at("state") != "running");
    CHECK(run.at("state") != "queued");
  }
  service.end();
  CHECK(service.exit_code == exit_done);
  CHECK_FALSE(client.reachable());
}

TEST_CASE("who follows can stop doing so at any time") {
  Running service(1);
  const ApiClient client = service.api();
  wait_until_active(client, 1);
  const std::string id = client.post("/v1/runs", {{"cluster", "c0"}, {"job", "backup"}}).at("run").at("id");
  std::stop_source stop;
  stop.request_stop();
  client.follow(id, stop.get_token(), [](const ordered_json&) {});
  CHECK_THROWS_AS(client.follow("nosuch", {}, [](const ordered_json&) {}), Error);
  service.end();
}

TEST_CASE("a control socket takes the place of a dead one, and of nothing else") {
  const Scratch scratch;
  boost::asio::io_context io;
  const std::string path = scratch / "socket";
  const auto listen = [&] {
    return std::make_unique<ControlSocket>(io, ControlSocket::Options{path, {}}, ControlSocket::Answers{});
  };
  SECTION("a file") {
    std::ofstream(path) << "precious";
    CHECK_THROWS_AS(listen(), Error);
    std::string content;
    std::ifstream(path) >> content;
    CHECK(content == "precious");
  }
  SECTION("an empty directory") {
    std::filesystem::create_directory(path);
    CHECK_THROWS_AS(listen(), Error);
    CHECK(std::filesystem::is_directory(path));
  }
  SECTION("a link to a socket") {
    const auto other = listen();
    std::filesystem::create_symlink(path, scratch / "link");
    CHECK_THROWS_AS(ControlSocket(io, {scratch / "link", {}}, {}), Error);
    CHECK(std::filesystem::is_symlink(scratch / "link"));
  }
  SECTION("a socket that nobody answers on") {
    {
      const auto dead = listen();
      std::filesystem::create_hard_link(path, scratch / "kept");
    }
    std::filesystem::rename(scratch / "kept", path);
    const auto living = listen();
    CHECK(ApiClient(path).reachable());
  }
  SECTION("another's, when it ends") {
    auto first = listen();
    std::filesystem::remove(path);
    const auto second = listen();
    first.reset();
    CHECK(ApiClient(path).reachable());
  }
}

TEST_CASE("a line of the log is one line, whatever somebody else said in it") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  {
    ServiceLog log(LogConfig{.format = LogConfig::Format::text, .level = LogConfig::Level::info});
    const int before = ::dup(STDERR_FILENO);
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    ::dup2(file, STDERR_FILENO);
    log.write(LogLevel::error, {"prod", {}, {}}, "FATAL: no\n2026-11-23T02:30:00Z info [prod] all is well\x1b[2J");
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    ::close(file);
  }
  std::ifstream file(path);
  std::string line;
  REQUIRE(std::getline(file, line));
  CHECK_THAT(line, Catch::Contains("error [prod] FATAL: no 2026-11-23T02:30:00Z info"));
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK_FALSE(std::getline(file, line));
}

TEST_CASE("where no daemon listens, there is none") {
  const Scratch scratch;
  CHECK_FALSE(ApiClient(scratch / "socket").reachable());
  CHECK_FALSE(ApiClient(std::string(300, 'x')).reachable());
  CHECK_THROWS_AS(ApiClient(scratch / "socket").get("/v1/status"), Error);
}

}  // namespace service_test
