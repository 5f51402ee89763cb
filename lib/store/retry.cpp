#include "store/retry.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/hash.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {
double evenly_distributed() {
  thread_local std::mt19937_64 generator = [] {
    std::uint64_t seed = 0;
    fill_random(std::as_writable_bytes(std::span(&seed, 1)));
    return std::mt19937_64(seed);
  }();
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}
}  // namespace

Retry::Retry(RetryPolicy policy, std::stop_token stop)
    : Retry(policy, std::move(stop), wait_unless_stopped, evenly_distributed) {}

Retry::Retry(RetryPolicy policy, std::stop_token stop, Wait wait, Random random)
    : policy_(policy), stop_(std::move(stop)), wait_(std::move(wait)), random_(std::move(random)) {}

void Retry::wait_after(unsigned tried) const {
  if (on_again_) {
    on_again_();
  }
  std::chrono::microseconds longest = policy_.first_delay;
  for (unsigned doubled = 1; doubled < tried && longest < policy_.longest_delay; ++doubled) {
    longest *= 2;
  }
  longest = std::min<std::chrono::microseconds>(longest, policy_.longest_delay);
  wait_(std::chrono::duration_cast<std::chrono::microseconds>(longest * random_()), stop_);
}

}  // namespace pgrecall
