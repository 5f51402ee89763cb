#pragma once

#include <stop_token>
#include <thread>

#include "io/fd.h"

namespace pgrecall {

// Turns the first SIGINT or SIGTERM into a stop request, and the second into the end of the process (exit 130). Both signals are
// blocked and read from a descriptor by a thread, so nothing ever runs inside a signal handler. Made before any other thread, as
// threads inherit what is blocked.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

 private:
  void run(const std::stop_token& ended);

  std::stop_source source_;
  Fd signals_;
  Fd wake_;
  std::jthread thread_;
};

}  // namespace pgrecall
