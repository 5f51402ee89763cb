// The daemon with a clock for its schedules that runs faster than time does: fast_daemon SPEED START --config FILE. Everything
// else (backups, leases, WAL) goes by the system's clock.

#include <charconv>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string_view>

#include "base/error.h"
#include "service/service.h"

namespace {
using namespace pgrecall;

class FastClock final : public Clock {
 public:
  FastClock(Time start, double speed) : start_(start), speed_(speed) {}
  [[nodiscard]] Time now() const override {
    const std::chrono::duration<double, std::micro> real = std::chrono::steady_clock::now() - began_;
    return start_ + std::chrono::microseconds(static_cast<std::int64_t>(real.count() * speed_));
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override { return std::chrono::steady_clock::now(); }

 private:
  const Time start_;
  const double speed_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};
}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 || std::string_view(argv[3]) != "--config") {
    std::cerr << "fast_daemon SPEED START --config FILE\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const std::string_view text = argv[1];
    double speed = 1;
    std::from_chars(text.data(), text.data() + text.size(), speed);
    const auto start = parse_time(argv[2]);
    if (!start || speed <= 0) {
      throw Error(ErrorKind::usage, "SPEED is a number, START is a time such as 2026-11-23T02:30:00Z");
    }
    const FastClock clock(*start, speed);
    return run_service(load_config(argv[4]), {.clock = &clock, .clock_speed = speed});
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return exit_code(error.kind());
  }
}
