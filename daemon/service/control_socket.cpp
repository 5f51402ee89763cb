#include "service/control_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>

#include "base/error.h"
#include "error_report.h"
#include "service/api_json.h"

namespace pgrecall {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;

namespace {
using namespace std::chrono_literals;

constexpr std::uint64_t max_body = 64U << 10U;   // bytes
constexpr std::uint32_t max_header = 8U << 10U;  // bytes
constexpr unsigned max_connections = 64;
constexpr auto request_timeout = 5s;  // whoever connects on this host knows what to say
constexpr auto answer_timeout = 30s;
constexpr auto follow_every = 500ms;

std::string who_is(Local::socket& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return "somebody";
  }
  return "uid " + std::to_string(credentials.uid);
}
}  // namespace

// One connection, one request, one answer: whoever comes again connects again. Owned by its pending operations.
class ControlSocket::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Local::socket socket, std::shared_ptr<Listener> listener)
      : who_(who_is(socket)), stream_(std::move(socket)), wait_(stream_.get_executor()), listener_(std::move(listener)) {
    parser_.body_limit(max_body);
    parser_.header_limit(max_header);
  }
  ~Connection();

  void start() {
    stream_.expires_after(request_timeout);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](beast::error_code problem, std::size_t) { self->on_request(problem); });
  }

 private:
  void on_request(beast::error_code problem);
  void respond(const ApiResponse& response);
  void begin_to_follow(const std::string& run);
  void ask_for_lines();
  void write_lines(const FollowLines& lines);
  // Runs in the socket's thread, whichever thread calls.
  template <typename Call>
  void here(Call call) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), call = std::move(call)] { call(*self); });
  }

  const std::string who_;
  beast::basic_stream<Local> stream_;
  asio::steady_timer wait_;
  std::shared_ptr<Listener> listener_;
  beast::flat_buffer buffer_{max_header + max_body};
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
  http::response<http::empty_body> stream_head_;
  std::optional<http::response_serializer<http::empty_body>> stream_serializer_;
  std::shared_ptr<FollowCursor> cursor_;
  std::string chunk_;
};

class ControlSocket::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, Options options, Answers answers)
      : options_(std::move(options)), answers_(std::move(answers)), acceptor_(io) {}

  void listen();
  void accept();
  void close() {
    beast::error_code ignored;  // closing what is closed
    acceptor_.close(ignored);
  }
  void remove() const {
    std::error_code ignored;  // another may have replaced it
    std::filesystem::remove(options_.path, ignored);
  }
  [[nodiscard]] const Answers& answers() const noexcept { return answers_; }
  void left() { --connections_; }

 private:
  void make_room();
  void give_to_group();

  const Options options_;
  const Answers answers_;
  Local::acceptor acceptor_;
  std::atomic<unsigned> connections_ = 0;  // the last owner of a connection may be the thread that answered
};

ControlSocket::Connection::~Connection() { listener_->left(); }

void ControlSocket::Connection::on_request(beast::error_code problem) {
  if (problem == http::error::body_limit || problem == http::error::header_limit) {
    respond({.status = 413, .body = to_json(Error(ErrorKind::usage, "the request is too big")), .follow = {}});
    return;
  }
  if (problem) {
    return;  // it went away, or never said anything sensible
  }
  const auto& message = parser_.get();
  ApiRequest request{.method = std::string(message.method_string()),
                     .target = std::string(message.target()),
                     .body = message.body(),
                     .who = who_};
  stream_.expires_never();
  listener_->answers().answer(std::move(request), [self = shared_from_this()](ApiResponse response) {
    self->here([answered = std::move(response)](Connection& connection) {
      answered.follow ? connection.begin_to_follow(*answered.follow) : connection.respond(answered);
    });
  });
}

void ControlSocket::Connection::respond(const ApiResponse& response) {
  response_ = {http::int_to_status(response.status), 11};
  response_.set(http::field::content_type, "application/json");
  response_.set(http::field::server, "pgrecall");
  response_.keep_alive(false);
  response_.body() = response.body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  response_.prepare_payload();
  stream_.expires_after(answer_timeout);
  http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, std::size_t) {
    beast::error_code ignored;  // the other end may have closed first
    self->stream_.socket().shutdown(Local::socket::shutdown_send, ignored);
  });
}

void ControlSocket::Connection::begin_to_follow(const std::string& run) {
  cursor_ = std::make_shared<FollowCursor>();
  cursor_->run = run;
  stream_head_ = {http::status::ok, 11};
  stream_head_.set(http::field::content_type, "application/x-ndjson");
  stream_head_.chunked(true);
  stream_head_.keep_alive(false);
  stream_serializer_.emplace(stream_head_);
  stream_.expires_after(answer_timeout);
  http::async_write_header(stream_, *stream_serializer_, [self = shared_from_this()](beast::error_code problem, std::size_t) {
    if (!problem) {
      self->ask_for_lines();
    }
  });
}

void ControlSocket::Connection::ask_for_lines() {
  listener_->answers().follow(cursor_, [self = shared_from_this()](FollowLines lines) {
    self->here([found = std::move(lines)](Connection& connection) { connection.write_lines(found); });
  });
}

void ControlSocket::Connection::write_lines(const FollowLines& lines) {
  const auto later = [](Connection& connection) {
    connection.wait_.expires_after(follow_every);
    connection.wait_.async_wait([self = connection.shared_from_this()](beast::error_code problem) {
      if (!problem) {
        self->ask_for_lines();
      }
    });
  };
  if (lines.text.empty() && !lines.last) {
    later(*this);
    return;
  }
  chunk_ = lines.text;
  stream_.expires_after(answer_timeout);
  const auto after = [self = shared_from_this(), last = lines.last, later](beast::error_code problem, std::size_t) {
    if (problem) {
      return;
    }
    if (!last) {
      later(*self);
      return;
    }
    asio::async_write(self->stream_, http::make_chunk_last(), [self](beast::error_code, std::size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(Local::socket::shutdown_send, ignored);
    });
  };
  asio::async_write(stream_, http::make_chunk(asio::buffer(chunk_)), after);
}

void ControlSocket::Listener::make_room() {
  std::error_code failure;
  const std::filesystem::path path(options_.path);
  std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) {
    throw system_error("cannot make the directory of the control socket", path.parent_path().string(), failure.value());
  }
  if (!std::filesystem::exists(path, failure)) {
    return;
  }
  beast::error_code problem;
  Local::socket probe(acceptor_.get_executor());
  probe.connect(Local::endpoint(options_.path), problem);
  if (!problem) {
    throw Error(ErrorKind::held, "another daemon answers on the control socket", "end it first, or name another by daemon.socket")
        .with("path", options_.path);
  }
  std::filesystem::remove(path, failure);
}

void ControlSocket::Listener::give_to_group() {
  if (::chmod(options_.path.c_str(), 0660) != 0) {
    throw system_error("cannot set the mode of the control socket", options_.path, errno);
  }
  if (!options_.group) {
    return;
  }
  const group* entry = ::getgrnam(options_.group->c_str());
  if (entry == nullptr) {
    throw Error(ErrorKind::configuration, "there is no such group on this host", "make it, or correct daemon.socket_group")
        .with("group", *options_.group);
  }
  if (::chown(options_.path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0) {
    throw system_error("cannot give the control socket to group " + *options_.group, options_.path, errno);
  }
}

void ControlSocket::Listener::listen() {
  make_room();
  const mode_t before = ::umask(0177);  // nobody else may connect before the mode is set
  beast::error_code problem;
  acceptor_.open(Local(), problem);
  if (!problem) {
    acceptor_.bind(Local::endpoint(options_.path), problem);
  }
  ::umask(before);
  if (!problem) {
    give_to_group();
    acceptor_.listen(max_connections, problem);
  }
  if (problem) {
    throw system_error("cannot listen on the control socket", options_.path, problem.value());
  }
}

void ControlSocket::Listener::accept() {
  acceptor_.async_accept([self = shared_from_this()](beast::error_code problem, Local::socket socket) {
    if (problem == asio::error::operation_aborted || !self->acceptor_.is_open()) {
      return;
    }
    if (!problem && self->connections_ < max_connections) {
      ++self->connections_;
      std::make_shared<Connection>(std::move(socket), self)->start();
    }
    self->accept();
  });
}

ControlSocket::ControlSocket(asio::io_context& io, Options options, Answers answers)
    : listener_(std::make_shared<Listener>(io, std::move(options), std::move(answers))) {
  listener_->listen();
  listener_->accept();
}

ControlSocket::~ControlSocket() {
  listener_->close();
  listener_->remove();
}

void ControlSocket::close() { listener_->close(); }

}  // namespace pgrecall
