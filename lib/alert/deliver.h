#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "alert/alert.h"
#include "config/alerts_config.h"

namespace pgrecall {

// How one attempt to tell a receiver went. A plain value; no part of it holds a secret.
struct DeliveryResult {
  enum class Outcome {
    taken,
    passing,  // trying again may succeed
    barred,   // nothing gets through before somebody mends the receiver's address or login
    refused,  // the receiver will never take this message
  };
  Outcome outcome = Outcome::passing;
  std::string reason;   // for counters: "timeout", "connect", "tls", "dns", "status_503", "configuration" ...; empty when taken
  std::string problem;  // for people; empty when taken
  std::string answer;   // of the peer, for people: "200: ok", shortened; empty without one
  std::string remark;   // of what was taken: what of it was not; mostly empty
  std::optional<std::chrono::seconds> retry_after;
};

struct DeliveryOrder {
  std::string receiver;  // its name
  ReceiverConfig config;
  std::chrono::milliseconds repeat_interval{};
  Time now{};  // of the attempt: what signatures are made with
  std::stop_token stop;
};

// Sends one message, in the calling thread, at most for the receiver's `timeout`. Secrets are read anew each time, so that one
// that was replaced works at once. Throws nothing but what the standard library does.
[[nodiscard]] DeliveryResult deliver(const DeliveryOrder& order, const Notification& notification);

}  // namespace pgrecall
