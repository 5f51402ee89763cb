#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/fd.h"

typedef struct ssl_ctx_st SSL_CTX;

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

// What both of the daemon's listeners share: HTTP/1.1, one request a connection, bounded in every direction. It lives in the
// thread of its io_context, which never waits for a disk. With TLS where an identity is given.
class HttpServer {
 public:
  struct Options {
    std::uint32_t max_header = 8U << 10U;  // bytes
    std::uint64_t max_body = 64U << 10U;   // bytes
    unsigned max_connections = 64;         // whoever comes on top of them is turned away
    std::chrono::seconds request_timeout{5};
    std::chrono::seconds answer_timeout{30};
    // Returns at once, and calls back later, from any thread.
    std::function<void(HttpRequest, std::function<void(HttpResponse)>)> answer;
    // For what is no request: 400, or 413 where it is too big.
    std::function<HttpResponse(unsigned status)> refuse;
  };
  // `listening`: a stream socket that listens, of any family. `identity`: null for no TLS.
  HttpServer(boost::asio::io_context& io, Fd listening, Options options, std::shared_ptr<SSL_CTX> identity = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Takes no more connections; those that there are end with what they are at. In the io_context's thread, or while that does not
  // run.
  void close();

 private:
  class Listener;
  template <typename Stream>
  class Connection;
  std::shared_ptr<Listener> listener_;
};

}  // namespace pgrecall
