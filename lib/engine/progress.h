#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pgrecall {

// How far an operation is. The engine's threads write it, a display reads it; any thread, any time.
class Progress {
 public:
  struct Snapshot {
    std::string phase;         // "copying", "waiting for the checkpoint" ...; shown as it is
    std::uint64_t done = 0;    // bytes
    std::uint64_t total = 0;   // bytes; 0 while unknown, and an estimate: done may pass it
    std::uint64_t stored = 0;  // bytes put into the repository, of a backup
    std::uint64_t files = 0;   // finished
  };

  // `stage` says in figures what the phase is about, in one of few ways; empty: the phase itself.
  void enter(std::string_view phase, std::string_view stage = {});
  void set_total(std::uint64_t bytes) { total_ = bytes; }
  void add_done(std::uint64_t bytes) { done_ += bytes; }
  void set_stored(std::uint64_t bytes) { stored_ = bytes; }
  void add_files(std::uint64_t count) { files_ += count; }
  [[nodiscard]] Snapshot snapshot() const;

  struct Stage {
    std::string stage;
    std::chrono::steady_clock::duration took{};
  };
  // Those that were entered, in order, each once, however often; the last one until now.
  [[nodiscard]] std::vector<Stage> stages() const;

 private:
  mutable std::mutex mutex_;
  std::string phase_;
  std::vector<Stage> stages_;
  std::size_t stage_ = 0;  // of stages_, the one that was entered last
  std::chrono::steady_clock::time_point entered_{};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> files_{0};
};

}  // namespace pgrecall
