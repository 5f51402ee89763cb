#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "config/config.h"
#include "journal/run.h"

namespace pgrecall {

// Writes a cluster's heartbeat every minute, in a thread of its own, and what it wrote into the ledger. A server that refuses, or
// is away, is told once, and tried again.
class CanaryWriter {
 public:
  struct Options {
    std::string cluster;
    ClusterConfig config;
    std::string ledger;  // path
  };
  using Tell = std::function<void(LogLevel level, const std::string& text)>;
  // `tell` is called in that thread, and outlives it.
  CanaryWriter(Options options, Tell tell);

 private:
  void run(const std::stop_token& stop);
  void beat(const std::stop_token& stop);

  const Options options_;
  const Tell tell_;
  std::string told_;
  std::jthread thread_;
};

}  // namespace pgrecall
