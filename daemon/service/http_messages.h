#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace pgrecall {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // "/v1/runs?limit=10"
  std::string authorization;
  std::string body;
  std::string who;  // "uid 0" on a Unix socket, "127.0.0.1" otherwise
};

// A piece of a body that grows while it is read.
struct HttpChunk {
  std::string text;  // may be empty
  bool last = false;
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> fields;  // "Content-Type" and others; length and connection come by themselves
  std::string body;
  // Where it is set, `body` is empty and the body is what this tells, asked again and again until the last.
  std::function<void(std::function<void(HttpChunk)>)> more;
};

}  // namespace pgrecall
