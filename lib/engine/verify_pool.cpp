#include "engine/verify_pool.h"

#include "base/error.h"

namespace pgrecall {

void VerifyPool::Unblock::operator()() const noexcept {
  pool->queue_.cancel();
  {
    const std::lock_guard lock(pool->mutex_);
    pool->stopped_ = true;
  }
  pool->idle_.notify_all();
}

VerifyPool::VerifyPool(const Repository& repository, const std::string& cluster, unsigned workers, Failure& failure)
    : repository_(repository),
      cluster_(cluster),
      failure_(failure),
      queue_(8 * std::size_t{workers}),
      on_failure_(failure.token(), Unblock{this}) {
  for (unsigned i = 0; i < workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

VerifyPool::~VerifyPool() {
  queue_.cancel();
  threads_.clear();
}

void VerifyPool::give_up() const {
  failure_.rethrow();
  throw Error(ErrorKind::cancelled, "the verify was cancelled");
}

void VerifyPool::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    ++unfinished_;
  }
  if (!queue_.push(std::move(job))) {
    give_up();
  }
}

void VerifyPool::wait_until_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return stopped_ || unfinished_ == 0; });
  if (stopped_) {
    lock.unlock();
    give_up();
  }
}

void VerifyPool::work() {
  try {
    VerifyWorker worker{.reader = ChunkReader(repository_, cluster_), .raw = {}, .bad_pages = {}};
    while (const auto job = queue_.pop()) {
      (*job)(worker);
      const std::lock_guard lock(mutex_);
      if (--unfinished_ == 0) {
        idle_.notify_all();
      }
    }
  } catch (...) {
    failure_.set(std::current_exception());
  }
}

}  // namespace pgrecall
