#include "service/web_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cstring>
#include <future>

#include "base/error.h"
#include "config/secret_source.h"
#include "config/text_forms.h"
#include "service/tls_identity.h"

namespace pgrecall {

namespace {
constexpr int backlog = 128;
constexpr std::uint64_t max_body = 4U << 10U;  // bytes; nobody has to send any

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const ListenAddress& address) {
  SocketAddress found;
  if (address.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
    std::memcpy(&found.storage, &v6, sizeof v6);
    found.size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
    std::memcpy(&found.storage, &v4, sizeof v4);
    found.size = sizeof v4;
  }
  return found;
}

Error cannot_listen(const std::string& listen, int problem) {
  if (problem == EADDRINUSE) {
    return Error(ErrorKind::held, "something else listens on the address of metrics and status page",
                 "find it with: ss -ltnp; or set metrics.listen to another port, or to off")
        .with("address", listen);
  }
  const std::string hint = problem == EADDRNOTAVAIL ? "set metrics.listen to an address of this host" : "look at metrics.listen";
  return Error(ErrorKind::failed, std::string("cannot listen for metrics and status page: ") + std::strerror(problem), hint)
      .with("address", listen);
}

Fd listen_at(const std::string& listen) {
  const std::optional<ListenAddress> address = listen_address(listen);
  if (!address) {
    return {};
  }
  Fd socket(::socket(address->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const SocketAddress where = socket_address(*address);
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    throw cannot_listen(listen, errno);
  }
  return socket;
}

// What fails concerns one answer; the thread goes on.
HttpResponse answer_safely(const HttpRequest& request, const WebSources& sources, const WebAccess& access) {
  try {
    return answer_web(request, sources, access);
  } catch (const std::exception& error) {
    sources.trouble(std::string("the web listener cannot answer: ") + error.what());
    return refuse_web(500);
  }
}
}  // namespace

WebListener::Prepared WebListener::prepare(const MetricsConfig& config) {
  Prepared prepared;
  if (config.listen == "off") {
    return prepared;
  }
  if (config.username) {
    prepared.access = WebAccess(*config.username, read_secret(config.password, "metrics.password"));
  }
  if (config.tls_certificate && config.tls_key) {
    prepared.identity = read_tls_identity(*config.tls_certificate, *config.tls_key);
  }
  return prepared;
}

WebListener::WebListener(boost::asio::io_context& io, const MetricsConfig& config, WebSources sources)
    : io_(io), sources_(std::move(sources)), wanted_(config) {
  try {
    prepared_ = prepare(config);
    listening_ = listen_at(config.listen);
    listen_ = config.listen;
    serve();
  } catch (const Error& error) {
    note_problem(error);
  }
}

void WebListener::note_problem(const Error& error) {
  problem_ = error.what();
  if (!error.hint().empty()) {
    problem_ += "; hint: " + error.hint();
  }
}

WebListener::~WebListener() = default;

void WebListener::serve() {
  server_.reset();
  if (!listening_) {
    return;
  }
  HttpServer::Options options;
  options.max_body = max_body;
  options.answer = [this, access = prepared_.access](const HttpRequest& request, const std::function<void(HttpResponse)>& done) {
    done(answer_safely(request, sources_, access));
  };
  options.refuse = refuse_web;
  server_ = std::make_unique<HttpServer>(io_, listening_, std::move(options), prepared_.identity);
}

// The io_context's thread waits for nothing, so that this is over at once.
template <typename Call>
void WebListener::there(Call call) {
  std::packaged_task<void()> task(std::move(call));
  std::future<void> over = task.get_future();
  boost::asio::post(io_, [&task] { task(); });
  over.get();
}

// From one address to another of the same port one has to leave the first: the kernel takes them for one.
Fd WebListener::move_to(const std::string& listen) {
  const auto before = listen_address(listen_);
  const auto after = listen_address(listen);
  if (!listening_ || !before || !after || before->port != after->port) {
    return listen_at(listen);
  }
  there([this] { server_.reset(); });
  listening_.reset();
  try {
    return listen_at(listen);
  } catch (const Error&) {
    listening_ = listen_at(listen_);
    there([this] { serve(); });
    throw;
  }
}

std::string WebListener::apply(const MetricsConfig& config) {
  wanted_ = config;
  try {
    std::string changes = take(config);
    problem_.clear();
    return changes;
  } catch (const Error& error) {
    note_problem(error);
    throw;
  }
}

bool WebListener::try_again() {
  if (problem_.empty()) {
    return false;
  }
  try {
    take(wanted_);
    problem_.clear();
    return true;
  } catch (const Error& error) {
    note_problem(error);
    return false;
  }
}

std::string WebListener::take(const MetricsConfig& config) {
  Prepared prepared = prepare(config);
  std::string changes;
  if (config.listen != listen_) {
    listening_ = move_to(config.listen);
    changes = "metrics and status page are on " + config.listen + " instead of " + listen_;
    listen_ = config.listen;
  }
  there([&] {
    prepared_ = std::move(prepared);
    serve();
  });
  return changes;
}

void WebListener::close() {
  if (server_) {
    server_->close();
  }
}

}  // namespace pgrecall
