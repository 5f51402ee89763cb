#pragma once

#include <exception>
#include <mutex>
#include <stop_token>

namespace pgrecall {

// Where the threads of one operation leave the error that ends it. The first one counts; it asks all the others to stop, so what
// they throw then (cancelled) is a consequence and not the cause.
class Failure {
 public:
  void set(std::exception_ptr error) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) {
        error_ = std::move(error);
      }
    }
    stop_.request_stop();
  }

  // Throws the first error, if there is one.
  void rethrow() const {
    const std::lock_guard lock(mutex_);
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

  [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
  void request_stop() noexcept { stop_.request_stop(); }

 private:
  mutable std::mutex mutex_;
  std::exception_ptr error_;
  std::stop_source stop_;
};

}  // namespace pgrecall
