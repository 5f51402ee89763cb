#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "io/fd.h"
#include "service/http_messages.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace pgrecall {

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
  // `listening`: a stream socket that listens, of any family; it is duplicated. `identity`: null for no TLS.
  HttpServer(boost::asio::io_context& io, const Fd& listening, Options options, std::shared_ptr<SSL_CTX> identity = nullptr);
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
