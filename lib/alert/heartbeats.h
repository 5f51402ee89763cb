#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "config/alerts_config.h"
#include "status/status.h"

namespace pgrecall {

// Whether a cluster meets its targets, as known at `at`.
struct Health {
  Time at{};
  std::map<std::string, bool> good;  // by cluster; those that are not there are not good
};

// Calls addresses that somebody else watches (https://healthchecks.io/docs/http_api/: the address itself for success, /start,
// /fail, and rid= of a run as a UUID). A thread for each address: whoever tells what happened never waits. What a heartbeat is
// told while its address does not answer is tried three times and then left out, since the next one says more.
class Heartbeats {
 public:
  enum class RunEvent { start, success, fail };

  // `clock` outlives it.
  explicit Heartbeats(const Clock& clock);
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

  void configure(const AlertsConfig& config);
  void run(RunEvent event, const std::string& cluster, const std::string& job, const std::string& id);
  // Call it every few seconds: what is older than a minute counts as unknown, and then the heartbeat stops.
  void health(Health health);
  // In order of their names.
  [[nodiscard]] std::vector<HeartbeatFigures> figures() const;

 private:
  class Beat;

  const Clock& clock_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, std::unique_ptr<Beat>> beats_;
  std::vector<std::unique_ptr<Beat>> leaving_;
};

// What is called: "https://hc.example.com/UUID/fail?rid=...". Pure.
[[nodiscard]] std::string heartbeat_address(const std::string& url, Heartbeats::RunEvent event, const std::string& run);
// A UUID (version 8, RFC 9562) made of the run's id: the same for all messages of a run.
[[nodiscard]] std::string run_uuid(const std::string& run);

}  // namespace pgrecall
