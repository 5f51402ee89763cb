#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "service/http_server.h"
#include "service/web_routes.h"

namespace pgrecall {

// Metrics, probes and the status page on `metrics.listen`. It lives in the thread of its io_context; answers are made there, of
// figures that are at hand.
class WebListener {
 public:
  // Listens, unless it is off. Errors: held (the port is in use), configuration (certificate, key, password), failed.
  WebListener(boost::asio::io_context& io, const MetricsConfig& config, WebSources sources);
  // The io_context must not run any more.
  ~WebListener();
  WebListener(const WebListener&) = delete;
  WebListener& operator=(const WebListener&) = delete;

  // The new configuration, with what is in its files now. Returns what has changed, for people; an Error as above leaves
  // everything as it was. For any one thread but that of the io_context, which must run; waits for it, which is soon.
  std::string apply(const MetricsConfig& config);

  // In the io_context's thread, or while that does not run.
  void close();

 private:
  // All that a configuration asks for, ready to be used.
  struct Prepared {
    WebAccess access;
    std::shared_ptr<SSL_CTX> identity;
  };
  [[nodiscard]] static Prepared prepare(const MetricsConfig& config);
  void serve();  // in the io_context's thread, or while that does not run
  [[nodiscard]] Fd move_to(const std::string& listen);
  template <typename Call>
  void there(Call call);

  boost::asio::io_context& io_;
  const WebSources sources_;
  std::string listen_;  // of the thread that applies, as what follows
  Fd listening_;        // empty when off
  Prepared prepared_;
  std::unique_ptr<HttpServer> server_;  // of the io_context's thread
};

}  // namespace pgrecall
