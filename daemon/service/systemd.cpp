#include "service/systemd.h"

#include <systemd/sd-daemon.h>

namespace pgrecall::service_manager {

namespace {
void tell(const std::string& state) {
  sd_notify(0, state.c_str());  // a manager that does not listen is none of our business
}
}  // namespace

void tell_ready() { tell("READY=1"); }

void tell_status(const std::string& line) { tell("STATUS=" + line); }

void tell_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros));
}

void tell_stopping() { tell("STOPPING=1"); }

void feed_watchdog() { tell("WATCHDOG=1"); }

void extend_timeout(std::chrono::seconds by) {
  tell("EXTEND_TIMEOUT_USEC=" + std::to_string(std::chrono::microseconds(by).count()));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t micros = 0;
  if (sd_watchdog_enabled(0, &micros) <= 0) {
    return std::nullopt;
  }
  return std::chrono::microseconds(micros);
}

}  // namespace pgrecall::service_manager
