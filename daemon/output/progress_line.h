#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "engine/progress.h"
#include "output/console.h"
#include "output/progress_text.h"

namespace pgrecall {

// Shows how far an operation is, from its construction to its destruction, in a thread of its own: on a terminal one line that is
// redrawn, once the operation takes more than a second; otherwise a line on stderr at each new phase and every ten seconds; with
// JSON one object a line on stderr, at each new phase and every second. Both must outlive it.
class ProgressLine {
 public:
  ProgressLine(const Progress& progress, Console& console);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  using Moment = std::chrono::steady_clock::time_point;

  void run(const std::stop_token& stop);
  void show(Moment now);
  void show_line(const ProgressView& view, Moment now);

  const Progress& progress_;
  Console& console_;
  const bool terminal_;
  const Moment started_;
  RateEstimate rate_;
  std::string shown_phase_;
  std::optional<Moment> shown_at_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<std::jthread> thread_;
};

// Runs an operation under its progress line. A cancelled one says what that means for whoever cancelled it.
template <typename Operation>
auto run_shown(const Progress& progress, Console& console, const std::string& when_cancelled, Operation operation) {
  try {
    const ProgressLine shown(progress, console);
    return operation();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      throw Error(ErrorKind::cancelled, "cancelled: nothing half-done is listed or started", when_cancelled);
    }
    throw;
  }
}

}  // namespace pgrecall
