#include "service/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>
#include <type_traits>

namespace pgrecall {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {
using namespace std::chrono_literals;
using Protocol = asio::generic::stream_protocol;
using Plain = beast::basic_stream<Protocol>;
using Tls = beast::ssl_stream<Plain>;

constexpr auto more_every = 500ms;
constexpr auto accept_again_after = 200ms;
// After the answer: the other end may still be sending, and a socket closed under unread bytes takes the answer back.
constexpr auto linger_timeout = 2s;
constexpr std::size_t linger_bytes = 1U << 20U;

std::string who_is(Protocol::socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return "somebody";
  }
  if (address.ss_family == AF_UNIX) {
    ucred credentials{};
    size = sizeof credentials;
    const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
    return known ? "uid " + std::to_string(credentials.uid) : "somebody";
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* digits = address.ss_family == AF_INET6
                           ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
                           : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  return ::inet_ntop(address.ss_family, digits, text.data(), text.size()) == nullptr ? "somebody" : text.data();
}

Protocol protocol_of(const Fd& listening) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  if (::getsockopt(listening.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
    throw system_error("cannot ask a listening socket for its family", "socket", errno);
  }
  return {family, 0};
}
}  // namespace

class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, const Fd& listening, Options options, std::shared_ptr<SSL_CTX> identity)
      : options_(std::move(options)), identity_(std::move(identity)), acceptor_(io), again_(io) {
    const Protocol protocol = protocol_of(listening);
    const int fd = ::fcntl(listening.get(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      throw system_error("cannot duplicate a listening socket", "socket", errno);
    }
    acceptor_.assign(protocol, fd);
  }

  void accept();
  void close() {
    beast::error_code ignored;  // closing what is closed
    acceptor_.close(ignored);
    again_.cancel();
  }
  void came() { ++connections_; }
  void left() { --connections_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  void begin(Protocol::socket socket);

  const Options options_;
  const std::shared_ptr<SSL_CTX> identity_;
  asio::basic_socket_acceptor<Protocol> acceptor_;
  asio::steady_timer again_;
  std::atomic<unsigned> connections_ = 0;  // the last owner of a connection may be the thread that answered
};

// Owned by its pending operations.
template <typename Stream>
class HttpServer::Connection : public std::enable_shared_from_this<Connection<Stream>> {
  static constexpr bool encrypted = std::is_same_v<Stream, Tls>;

 public:
  Connection(Protocol::socket socket, std::shared_ptr<Listener> listener, std::optional<asio::ssl::context> context)
      : who_(who_is(socket)),
        context_(std::move(context)),
        stream_(make_stream(std::move(socket), context_)),
        wait_(stream_.get_executor()),
        listener_(std::move(listener)),
        buffer_(options().max_header + options().max_body) {
    parser_.header_limit(options().max_header);
    parser_.body_limit(options().max_body);
    listener_->came();
  }
  ~Connection() { listener_->left(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() {
    plain().expires_after(options().request_timeout);
    if constexpr (encrypted) {
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](beast::error_code problem) {
        if (!problem) {
          self->read();
        }
      });
    } else {
      read();
    }
  }

 private:
  static Stream make_stream(Protocol::socket socket, std::optional<asio::ssl::context>& context) {
    if constexpr (encrypted) {
      return Stream(Plain(std::move(socket)), *context);
    } else {
      return Stream(std::move(socket));
    }
  }
  Plain& plain() { return beast::get_lowest_layer(stream_); }
  [[nodiscard]] const Options& options() const { return listener_->options(); }

  // Runs in the io_context's thread, whichever thread calls.
  template <typename Call>
  void here(Call call) {
    asio::post(stream_.get_executor(), [self = this->shared_from_this(), call = std::move(call)] { call(*self); });
  }

  void read() {
    http::async_read(stream_, buffer_, parser_,
                     [self = this->shared_from_this()](beast::error_code problem, std::size_t) { self->on_request(problem); });
  }

  void on_request(beast::error_code problem) {
    if (problem == http::error::body_limit || problem == http::error::header_limit || problem == http::error::buffer_overflow) {
      respond(options().refuse(413));
    } else if (problem && problem.category() == http::make_error_code(http::error::bad_method).category() &&
               problem != http::error::end_of_stream && problem != http::error::partial_message) {
      respond(options().refuse(400));
    } else if (!problem) {
      answer();
    }
    // Otherwise it went away, or took too long to say anything.
  }

  void answer() {
    const auto& message = parser_.get();
    head_only_ = message.method() == http::verb::head;
    HttpRequest request{.method = std::string(message.method_string()),
                        .target = std::string(message.target()),
                        .authorization = std::string(message[http::field::authorization]),
                        .body = message.body(),
                        .who = who_};
    plain().expires_never();
    options().answer(std::move(request), [self = this->shared_from_this()](HttpResponse response) {
      self->here([answered = std::move(response)](Connection& connection) {
        answered.more ? connection.begin_to_tell(answered) : connection.respond(answered);
      });
    });
  }

  template <typename Message>
  void describe(Message& message, const HttpResponse& response) {
    message.result(response.status);
    message.version(11);
    message.set(http::field::server, "pgrecall");
    for (const auto& [name, value] : response.fields) {
      message.set(name, value);
    }
    message.keep_alive(false);
  }

  void respond(const HttpResponse& response) {
    describe(response_, response);
    response_.body() = response.body;
    response_.prepare_payload();
    serializer_.emplace(response_);
    plain().expires_after(options().answer_timeout);
    const auto after = [self = this->shared_from_this()](beast::error_code problem, std::size_t) {
      if (!problem) {
        self->finish();
      }
    };
    if (head_only_) {
      http::async_write_header(stream_, *serializer_, after);
    } else {
      http::async_write(stream_, *serializer_, after);
    }
  }

  void begin_to_tell(const HttpResponse& response) {
    more_ = response.more;
    describe(stream_head_, response);
    stream_head_.chunked(true);
    head_serializer_.emplace(stream_head_);
    plain().expires_after(options().answer_timeout);
    http::async_write_header(stream_, *head_serializer_,
                             [self = this->shared_from_this()](beast::error_code problem, std::size_t) {
                               if (!problem) {
                                 self->head_only_ ? self->finish() : self->ask_for_more();
                               }
                             });
  }

  void ask_for_more() {
    more_([self = this->shared_from_this()](HttpChunk chunk) {
      self->here([found = std::move(chunk)](Connection& connection) { connection.write(found); });
    });
  }

  void ask_later() {
    wait_.expires_after(more_every);
    wait_.async_wait([self = this->shared_from_this()](beast::error_code problem) {
      if (!problem) {
        self->ask_for_more();
      }
    });
  }

  void write(const HttpChunk& chunk) {
    if (chunk.text.empty()) {
      chunk.last ? write_end() : ask_later();
      return;
    }
    chunk_ = chunk.text;
    plain().expires_after(options().answer_timeout);
    asio::async_write(stream_, http::make_chunk(asio::buffer(chunk_)),
                      [self = this->shared_from_this(), last = chunk.last](beast::error_code problem, std::size_t) {
                        if (!problem) {
                          last ? self->write_end() : self->ask_later();
                        }
                      });
  }

  void write_end() {
    plain().expires_after(options().answer_timeout);
    asio::async_write(stream_, http::make_chunk_last(),
                      [self = this->shared_from_this()](beast::error_code, std::size_t) { self->finish(); });
  }

  void finish() {
    if constexpr (encrypted) {
      plain().expires_after(linger_timeout);
      stream_.async_shutdown([self = this->shared_from_this()](beast::error_code) { self->linger(); });
    } else {
      linger();
    }
  }

  void linger() {
    beast::error_code ignored;  // the other end may have closed first
    plain().socket().shutdown(Protocol::socket::shutdown_send, ignored);
    plain().expires_after(linger_timeout);
    discard();
  }

  void discard() {
    plain().async_read_some(asio::buffer(discarded_),
                            [self = this->shared_from_this()](beast::error_code problem, std::size_t size) {
                              self->lingered_ += size;
                              if (!problem && self->lingered_ < linger_bytes) {
                                self->discard();
                              }
                            });
  }

  const std::string who_;
  std::optional<asio::ssl::context> context_;  // outlives the stream
  Stream stream_;
  asio::steady_timer wait_;
  std::shared_ptr<Listener> listener_;
  beast::flat_buffer buffer_;
  http::request_parser<http::string_body> parser_;
  bool head_only_ = false;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  http::response<http::empty_body> stream_head_;
  std::optional<http::response_serializer<http::empty_body>> head_serializer_;
  std::function<void(std::function<void(HttpChunk)>)> more_;
  std::string chunk_;
  std::array<char, 4096> discarded_{};
  std::size_t lingered_ = 0;
};

void HttpServer::Listener::begin(Protocol::socket socket) {
  if (connections_ >= options_.max_connections) {
    return;
  }
  if (!identity_) {
    std::make_shared<Connection<Plain>>(std::move(socket), shared_from_this(), std::nullopt)->start();
    return;
  }
  SSL_CTX_up_ref(identity_.get());
  std::make_shared<Connection<Tls>>(std::move(socket), shared_from_this(), asio::ssl::context(identity_.get()))->start();
}

void HttpServer::Listener::accept() {
  acceptor_.async_accept([self = shared_from_this()](beast::error_code problem, Protocol::socket socket) {
    if (problem == asio::error::operation_aborted || !self->acceptor_.is_open()) {
      return;
    }
    if (!problem) {
      self->begin(std::move(socket));
      self->accept();
      return;
    }
    // Out of descriptors, for one: asking again at once would do nothing else any more.
    self->again_.expires_after(accept_again_after);
    self->again_.async_wait([self](beast::error_code cancelled) {
      if (!cancelled) {
        self->accept();
      }
    });
  });
}

HttpServer::HttpServer(asio::io_context& io, const Fd& listening, Options options, std::shared_ptr<SSL_CTX> identity)
    : listener_(std::make_shared<Listener>(io, listening, std::move(options), std::move(identity))) {
  listener_->accept();
}

HttpServer::~HttpServer() { listener_->close(); }

void HttpServer::close() { listener_->close(); }

}  // namespace pgrecall
