#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "service/http_server.h"
#include "service/web_routes.h"

namespace pgrecall {

// Metrics, probes and the status page on `metrics.listen`. It lives in the thread of its io_context; answers are made there, of
// figures that are at hand.
class WebListener {
 public:
  // Listens, unless it is off. Where that fails (the port is in use; certificate, key or password cannot be read), problem() says
  // why, and nothing is served: WAL and backups do not depend on it.
  WebListener(boost::asio::io_context& io, const MetricsConfig& config, WebSources sources);
  // The io_context must not run any more.
  ~WebListener();
  WebListener(const WebListener&) = delete;
  WebListener& operator=(const WebListener&) = delete;

  // The new configuration, with what is in its files now. Returns what has changed, for people; an Error leaves everything as it
  // was, and problem() tells it: held (the port is in use), configuration (certificate, key, password), failed.
  // This and what follows is for any one thread but that of the io_context, which must run; waits for it, which is soon.
  std::string apply(const MetricsConfig& config);
  // What failed last, once more; true when all is as configured from now on.
  bool try_again();
  // Why not all is as configured; empty where it is.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  // In the io_context's thread, or while that does not run.
  void close();

 private:
  // All that a configuration asks for, ready to be used.
  struct Prepared {
    WebAccess access;
    std::shared_ptr<SSL_CTX> identity;
  };
  [[nodiscard]] static Prepared prepare(const MetricsConfig& config);
  std::string take(const MetricsConfig& config);
  void note_problem(const Error& error);
  void serve();  // in the io_context's thread, or while that does not run
  [[nodiscard]] Fd move_to(const std::string& listen);
  template <typename Call>
  void there(Call call);

  boost::asio::io_context& io_;
  const WebSources sources_;
  MetricsConfig wanted_;  // of the thread that applies, as what follows
  std::string problem_;
  std::string listen_ = "off";
  Fd listening_;  // empty when off
  Prepared prepared_;
  std::unique_ptr<HttpServer> server_;  // of the io_context's thread
};

}  // namespace pgrecall
