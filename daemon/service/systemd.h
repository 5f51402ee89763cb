#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace pgrecall {

// What the service manager is told: sd_notify(3). Every call does nothing when there is none ($NOTIFY_SOCKET is not set). Safe
// for many threads.
namespace service_manager {

void tell_ready();
// One line, shown by systemctl status.
void tell_status(const std::string& line);
void tell_reloading();
void tell_stopping();
void feed_watchdog();
// While stopping: not before this much more time has passed is the service to be killed.
void extend_timeout(std::chrono::seconds by);
// Within which time the watchdog is to be fed; nothing without one.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace service_manager

}  // namespace pgrecall
