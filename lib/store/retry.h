#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/error.h"

namespace pgrecall {

struct RetryPolicy {
  unsigned tries = 6;  // in all, the first included; at least 1
  std::chrono::milliseconds first_delay{200};
  std::chrono::milliseconds longest_delay{20'000};
};

// Runs a call again while it throws errors that may pass. Before try n+1 it waits a random part of
// min(longest_delay, first_delay * 2^(n-1)) ("full jitter"), so that many clients of a store that comes back do not come all
// at once. Safe for many threads.
class Retry {
 public:
  // Waits, or throws Error{cancelled}. Injected so that tests need not wait.
  using Wait = std::function<void(std::chrono::microseconds, const std::stop_token&)>;
  // Evenly from [0, 1). Called by many threads.
  using Random = std::function<double()>;

  explicit Retry(RetryPolicy policy, std::stop_token stop = {});
  Retry(RetryPolicy policy, std::stop_token stop, Wait wait, Random random);

  // `call` is called before each wait for another try; from any thread that uses this.
  Retry& on_again(std::function<void()> call) {
    on_again_ = std::move(call);
    return *this;
  }

  // The last error is thrown on, with the number of tries in its context.
  template <typename Call>
  auto run(const Call& call) const {
    for (unsigned tried = 1;; ++tried) {
      try {
        return call();
      } catch (Error& error) {
        if (!error.passing()) {
          throw;
        }
        if (tried >= policy_.tries) {
          error.with("tries", static_cast<unsigned long long>(tried));
          throw;
        }
      }
      wait_after(tried);
    }
  }

 private:
  void wait_after(unsigned tried) const;

  RetryPolicy policy_;
  std::stop_token stop_;
  Wait wait_;
  std::function<void()> on_again_;
  Random random_;
};

}  // namespace pgrecall
