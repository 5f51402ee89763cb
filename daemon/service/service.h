#pragma once

#include <string>

#include "base/clock.h"
#include "config/config.h"

namespace pgrecall {

struct ServiceOptions {
  const Clock* clock = nullptr;  // of schedules; null: the system's
  double clock_speed = 1;        // seconds of `clock` in a second: a test's may be faster
};

// The daemon, from the first lock to the last thread's end. Returns the exit code once it was asked to end (SIGTERM, SIGINT).
// Errors: held (another daemon has the state directory or the socket), configuration, failed.
[[nodiscard]] int run_service(LoadedConfig loaded, const ServiceOptions& options);

}  // namespace pgrecall
