#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "engine/wal/segment_uploader.h"

namespace pgrecall {

// One thread that brings the segment that still grows into the repository, as tails, and the times until which the repository's
// WAL suffices. Also calls `tick` about once a second.
class TailUploader {
 public:
  enum class Pace {
    interval,    // every `interval`, if there is something new
    continuous,  // as soon as there is something new, at most ten times a second: the server waits for it
  };
  struct Options {
    Pace pace = Pace::interval;
    std::chrono::milliseconds interval{10'000};
    std::function<void()> tick;  // must not throw
  };

  TailUploader(const Repository& repository, WalStoring storing, WalSpool& spool, ReceivedWal& received, StoreHealth& health,
               Options options);
  // After ReceivedWal::finish(), or it waits for ever, and once all segments are stored that can be. Stores what there is once
  // more.
  void finish();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  void run();
  void wait(SteadyTime next_upload);
  void try_upload();
  void upload();
  [[nodiscard]] Lsn known_tail_end(const ReceivedWal::Growing& growing);
  void put_tail(const ReceivedWal::Growing& growing, Lsn from);
  void put_time();

  const Repository& repository_;
  const WalStoring storing_;
  WalSpool& spool_;
  ReceivedWal& received_;
  StoreHealth& health_;
  const Options options_;
  std::optional<WalTime> last_time_;
  SteadyTime last_time_put_{};
  bool idle_ = false;  // the last time that was put told no more WAL than the one before
  std::jthread thread_;
};

}  // namespace pgrecall
