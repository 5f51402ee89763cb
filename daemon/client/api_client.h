#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace pgrecall {

// Asks a running daemon: docs/api.md. Blocking; one thread. Errors: what the daemon answers, as it says it; `failed` when it does
// not answer within half a minute or goes away.
class ApiClient {
 public:
  explicit ApiClient(std::string socket) : socket_(std::move(socket)) {}

  // Whether a daemon listens there, and lets us in. False also when there is no such file.
  [[nodiscard]] bool reachable() const;
  [[nodiscard]] nlohmann::ordered_json get(const std::string& target) const { return request("GET", target, {}); }
  [[nodiscard]] nlohmann::ordered_json post(const std::string& target, const nlohmann::ordered_json& body) const;

  // Hands every line over until the run is over, or until asked to stop.
  void follow(const std::string& run, const std::stop_token& stop,
              const std::function<void(const nlohmann::ordered_json&)>& on_line) const;

 private:
  [[nodiscard]] nlohmann::ordered_json request(const std::string& method, const std::string& target,
                                               const std::string& body) const;

  std::string socket_;
};

// What the daemon answered instead of what was asked for, as the error that it is.
[[nodiscard]] Error error_of(const nlohmann::ordered_json& answer);

}  // namespace pgrecall
