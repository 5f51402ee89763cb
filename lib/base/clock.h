#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgrecall {

// Wall-clock time, UTC. Formats store whole seconds or microseconds since 1970.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

// What time it is. Injected, so that schedules and leases are tested in simulated time. Safe for use by many threads.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
  // Never goes back; only differences mean anything.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override;
};

// Stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start) : micros_(start.time_since_epoch().count()) {}
  [[nodiscard]] Time now() const override { return Time(std::chrono::microseconds(micros_)); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override;
  void advance(std::chrono::microseconds by) {
    micros_ += by.count();
    steady_micros_ += by.count();
  }
  // A jump of the wall clock alone, as by NTP or an operator.
  void jump_to(Time time) { micros_ = time.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> micros_;
  std::atomic<std::int64_t> steady_micros_{0};
};

// "2026-11-23T02:30:00Z": UTC, whole seconds.
[[nodiscard]] std::string format_time(Time time);
// "20261123T023000Z": as backup ids and object names write it.
[[nodiscard]] std::string format_compact_time(Time time);
// Reads both forms above, and nothing else.
[[nodiscard]] std::optional<Time> parse_time(std::string_view text);

}  // namespace pgrecall
