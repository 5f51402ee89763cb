#pragma once

#include <stop_token>

#include "io/rate_limiter.h"
#include "store/forwarding_store.h"

namespace pgrecall {

// Bounds the bytes a second of object contents that go into the store and that come out of it, by a limiter each (the same
// one for both bounds the sum). Names and listings are not counted. A call that waits throws Error{cancelled} when a stop is
// requested; a put then stores nothing. Limiters are borrowed; they and the store outlive its readers.
class RateLimitedStore final : public ForwardingStore {
 public:
  RateLimitedStore(InnerStore inner, RateLimiter& writing, RateLimiter& reading, std::stop_token stop)
      : ForwardingStore(std::move(inner)), writing_(writing), reading_(reading), stop_(std::move(stop)) {}

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;

 private:
  RateLimiter& writing_;
  RateLimiter& reading_;
  const std::stop_token stop_;
};

}  // namespace pgrecall
