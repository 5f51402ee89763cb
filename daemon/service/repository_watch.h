#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "config/config.h"
#include "journal/journal.h"
#include "service/repository_pool.h"
#include "status/status.h"

namespace pgrecall {

// Looks how full one repository is, in a thread of its own: a file system that hangs holds up nobody else. Samples of the used
// space are in the journal, so that the trend outlives a restart.
class RepositoryWatch {
 public:
  struct Options {
    std::string repository;
    RepositoryConfig config;
    const Clock* clock = nullptr;  // of the samples
  };
  // Looks at once. `pool`, `journal` and the clock outlive it.
  RepositoryWatch(Options options, RepositoryPool& pool, Journal& journal);
  // Waits for the look under way.
  ~RepositoryWatch() = default;
  RepositoryWatch(const RepositoryWatch&) = delete;
  RepositoryWatch& operator=(const RepositoryWatch&) = delete;

  void request_stop() { thread_.request_stop(); }
  // Once request_stop() was called and the thread does nothing any more: destroying it does not wait.
  [[nodiscard]] bool ended() const;
  // Looks again, soon.
  void look();
  // As it was when it was looked at last, with the requests of now.
  [[nodiscard]] RepositoryFigures figures() const;
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  void run(const std::stop_token& stop);
  void look_once(const std::stop_token& stop);
  void measure_space(RepositoryFigures& figures, ObjectStore& store);
  void sum_up(RepositoryFigures& figures, ObjectStore& store, const std::stop_token& stop);

  const Options options_;
  RepositoryPool& pool_;
  Journal& journal_;
  std::optional<std::chrono::steady_clock::time_point> summed_up_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any wake_;
  bool look_ = true;
  bool ended_ = false;
  RepositoryFigures figures_;

  std::jthread thread_;
};

}  // namespace pgrecall
