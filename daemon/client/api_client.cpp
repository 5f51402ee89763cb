#include "client/api_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>

namespace pgrecall {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using nlohmann::ordered_json;

namespace {
constexpr timeval answer_within{30, 0};
constexpr std::uint64_t max_answer = 64U << 20U;  // bytes

Error lost(const std::string& socket, const std::string& problem) {
  return Error(ErrorKind::failed, "the daemon does not answer: " + problem,
               "look at it: systemctl status pgrecall; --no-daemon does without it")
      .with("socket", socket);
}

struct Connected {
  asio::io_context io;
  Local::socket socket{io};
};

std::unique_ptr<Connected> connect(const std::string& path) {
  auto connected = std::make_unique<Connected>();
  beast::error_code problem;
  connected->socket.connect(Local::endpoint(path), problem);
  if (problem) {
    throw lost(path, problem.message());
  }
  ::setsockopt(connected->socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &answer_within, sizeof answer_within);
  ::setsockopt(connected->socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &answer_within, sizeof answer_within);
  return connected;
}

http::request<http::string_body> request_of(const std::string& method, const std::string& target, const std::string& body) {
  http::request<http::string_body> request{method == "POST" ? http::verb::post : http::verb::get, target, 11};
  request.set(http::field::host, "pgrecall");
  request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  return request;
}

constexpr std::array kinds{ErrorKind::failed,
                           ErrorKind::usage,
                           ErrorKind::configuration,
                           ErrorKind::no_repository,
                           ErrorKind::held,
                           ErrorKind::wrong_key,
                           ErrorKind::corruption,
                           ErrorKind::database_unreachable,
                           ErrorKind::store_unreachable,
                           ErrorKind::target_unreachable,
                           ErrorKind::cancelled};

// Whole lines of what has come so far; the rest stays.
void hand_over_lines(std::string& text, const std::function<void(const ordered_json&)>& on_line) {
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    const ordered_json line = ordered_json::parse(text.substr(begin, end - begin), nullptr, false);
    if (line.is_object()) {
      on_line(line);
    }
    begin = end + 1;
  }
  text.erase(0, begin);
}
}  // namespace

Error error_of(const ordered_json& answer) {
  if (!answer.is_object() || !answer.contains("error") || !answer["error"].is_object()) {
    return Error(ErrorKind::failed, "the daemon answered something that is no answer", "is it of another version?");
  }
  const ordered_json& told = answer["error"];
  ErrorKind kind = ErrorKind::failed;
  for (const ErrorKind each : kinds) {
    if (told.value("kind", "") == name(each)) {
      kind = each;
    }
  }
  Error error(kind, told.value("message", ""), told.value("hint", ""));
  if (told.contains("context") && told["context"].is_object()) {
    for (const auto& [key, value] : told["context"].items()) {
      error.with(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return error;
}

bool ApiClient::reachable() const {
  asio::io_context io;
  Local::socket socket(io);
  beast::error_code problem;
  try {
    socket.connect(Local::endpoint(socket_), problem);
  } catch (const boost::system::system_error& too_long) {
    return false;  // a path that no socket can have
  }
  return !problem;
}

ordered_json ApiClient::post(const std::string& target, const ordered_json& body) const {
  return request("POST", target, body.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

ordered_json ApiClient::request(const std::string& method, const std::string& target, const std::string& body) const {
  const auto connected = connect(socket_);
  beast::error_code problem;
  http::write(connected->socket, request_of(method, target, body), problem);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(max_answer);
  if (!problem) {
    http::read(connected->socket, buffer, parser, problem);
  }
  if (problem) {
    throw lost(socket_, problem.message());
  }
  ordered_json answer = ordered_json::parse(parser.get().body(), nullptr, false);
  if (parser.get().result_int() >= 300 || !answer.is_object()) {
    throw error_of(answer);
  }
  return answer;
}

void ApiClient::follow(const std::string& run, const std::stop_token& stop,
                       const std::function<void(const ordered_json&)>& on_line) const {
  const auto connected = connect(socket_);
  // Ends the read that this thread waits in.
  const std::stop_callback on_stop(stop, [&] { ::shutdown(connected->socket.native_handle(), SHUT_RDWR); });
  beast::error_code problem;
  http::write(connected->socket, request_of("GET", "/v1/runs/" + run + "/follow", {}), problem);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  if (!problem) {
    http::read_header(connected->socket, buffer, parser, problem);
  }
  const bool refused = !problem && parser.get().result_int() >= 300;
  while (!problem && !parser.is_done()) {
    http::read_some(connected->socket, buffer, parser, problem);
    if (!refused) {
      hand_over_lines(parser.get().body(), on_line);
    }
  }
  if (stop.stop_requested()) {
    return;
  }
  // The answer began and broke off: the daemon ended, and what came so far says how far it was.
  const bool ended = parser.is_header_done() && !refused;
  if (problem && !ended) {
    throw lost(socket_, problem.message());
  }
  if (refused) {
    throw error_of(ordered_json::parse(parser.get().body(), nullptr, false));
  }
}

}  // namespace pgrecall
