#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/failure.h"
#include "io/bounded_queue.h"
#include "postgres/page.h"
#include "repository/pack_reader.h"

namespace pgrecall {

// What one thread of a verify works with.
struct VerifyWorker {
  ChunkReader reader;
  Bytes raw;
  std::vector<BadPage> bad_pages;
};

// Threads that do verify's jobs, in any order. A job notes the damage that it finds; what it throws ends the verify.
class VerifyPool {
 public:
  using Job = std::function<void(VerifyWorker&)>;

  VerifyPool(const Repository& repository, const std::string& cluster, unsigned workers, Failure& failure);
  ~VerifyPool();
  VerifyPool(const VerifyPool&) = delete;
  VerifyPool& operator=(const VerifyPool&) = delete;

  // Waits for room. Throws the first error of any job.
  void submit(Job job);
  // Waits until every job is done. Throws the first error of any.
  void wait_until_idle();

 private:
  struct Unblock {
    VerifyPool* pool;
    void operator()() const noexcept;
  };

  void work();
  [[noreturn]] void give_up() const;

  const Repository& repository_;
  const std::string cluster_;
  Failure& failure_;
  BoundedQueue<Job> queue_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::uint64_t unfinished_ = 0;  // jobs submitted and not done
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
  std::stop_callback<Unblock> on_failure_;
};

}  // namespace pgrecall
