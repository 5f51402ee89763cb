#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "output/progress_text.h"
#include "service/supervisor.h"

// The control interface: docs/api.md. In the desk's thread, like the supervisor.

namespace pgrecall {

struct ApiRequest {
  std::string method;  // "GET"
  std::string target;  // "/v1/runs?limit=10"
  std::string body;
  std::string who;  // "uid 0": whoever is at the other end of the socket
};

struct ApiResponse {
  unsigned status = 200;
  nlohmann::ordered_json body;
  std::optional<std::string> follow;  // the run whose lines follow instead of a body
};

// Never throws: what fails is a response, too.
[[nodiscard]] ApiResponse answer(const ApiRequest& request, Supervisor& supervisor) noexcept;

// Where somebody who follows a run stands.
struct FollowCursor {
  std::string run;
  std::int64_t log_number = 0;
  std::optional<RunState> state;
  std::string reason;
  std::optional<std::chrono::steady_clock::time_point> progress_at;
  RateEstimate rate;
};
struct FollowLines {
  std::string text;  // JSON objects, one a line; may be empty
  bool last = false;
};
// What is new since the last call.
[[nodiscard]] FollowLines follow(FollowCursor& cursor, Supervisor& supervisor) noexcept;

}  // namespace pgrecall
