#include "service/control_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "error_report.h"
#include "service/api_json.h"

namespace pgrecall {

namespace {
constexpr int backlog = 64;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error(ErrorKind::configuration, "the path of the control socket is too long", "name a shorter one by daemon.socket")
        .with("path", path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Fd open_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    throw system_error("cannot make a socket", "control socket", errno);
  }
  return socket;
}

using SocketFile = ControlSocket::SocketFile;

// Nothing when there is nothing. A mistyped path must not cost somebody a file: what is no socket is left alone.
std::optional<SocketFile> socket_file_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    throw system_error("cannot look at the control socket", path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(ErrorKind::configuration, "where the control socket is to be, there is something else",
                "name another path by daemon.socket; what is there is left as it is")
        .with("path", path);
  }
  return SocketFile{status.st_dev, status.st_ino};
}

// Only that one: another daemon may have put its own there.
void remove_socket(const std::string& path, const SocketFile& file) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && status.st_dev == file.device &&
      status.st_ino == file.inode) {
    ::unlink(path.c_str());
  }
}

void make_room(const std::string& path, const sockaddr_un& address) {
  std::error_code failure;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(directory, failure);
  if (failure) {
    throw system_error("cannot make the directory of the control socket", directory.string(), failure.value());
  }
  const std::optional<SocketFile> taken = socket_file_at(path);
  if (!taken) {
    return;
  }
  const Fd probe = open_socket();
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    throw Error(ErrorKind::held, "another daemon answers on the control socket", "end it first, or name another by daemon.socket")
        .with("path", path);
  }
  remove_socket(path, *taken);
}

void give_to_group(const ControlSocket::Options& options) {
  if (::chmod(options.path.c_str(), 0660) != 0) {
    throw system_error("cannot set the mode of the control socket", options.path, errno);
  }
  if (!options.group) {
    return;
  }
  const group* entry = ::getgrnam(options.group->c_str());
  if (entry == nullptr) {
    throw Error(ErrorKind::configuration, "there is no such group on this host", "make it, or correct daemon.socket_group")
        .with("group", *options.group);
  }
  if (::chown(options.path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0) {
    throw system_error("cannot give the control socket to group " + *options.group, options.path, errno);
  }
}

Fd listen_at(const ControlSocket::Options& options) {
  const sockaddr_un address = address_of(options.path);
  make_room(options.path, address);
  Fd socket = open_socket();
  const mode_t before = ::umask(0177);  // nobody else may connect before the mode is set
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int problem = errno;
  ::umask(before);
  if (bound != 0) {
    throw system_error("cannot listen on the control socket", options.path, problem);
  }
  give_to_group(options);
  if (::listen(socket.get(), backlog) != 0) {
    throw system_error("cannot listen on the control socket", options.path, errno);
  }
  return socket;
}

HttpResponse shown(const ApiResponse& response) {
  return {.status = response.status,
          .fields = {{"Content-Type", "application/json"}},
          .body = response.body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
          .more = {}};
}

HttpResponse refuse(unsigned status) {
  const Error error(ErrorKind::usage, status == 413 ? "the request is too big" : "this is no HTTP request");
  return shown({.status = status, .body = to_json(error), .follow = {}});
}

HttpResponse followed(const std::string& run, const ControlSocket::Answers& answers) {
  auto cursor = std::make_shared<FollowCursor>();
  cursor->run = run;
  return {.status = 200,
          .fields = {{"Content-Type", "application/x-ndjson"}},
          .body = {},
          .more = [cursor, &answers](std::function<void(HttpChunk)> done) {
            answers.follow(cursor, [told = std::move(done)](FollowLines lines) {
              told({.text = std::move(lines.text), .last = lines.last});
            });
          }};
}

HttpServer::Options serving(const ControlSocket::Answers& answers) {
  HttpServer::Options options;
  options.answer = [&answers](HttpRequest request, std::function<void(HttpResponse)> done) {
    ApiRequest asked{.method = std::move(request.method),
                     .target = std::move(request.target),
                     .body = std::move(request.body),
                     .who = std::move(request.who)};
    answers.answer(std::move(asked), [&answers, told = std::move(done)](const ApiResponse& response) {
      told(response.follow ? followed(*response.follow, answers) : shown(response));
    });
  };
  options.refuse = refuse;
  return options;
}
}  // namespace

ControlSocket::ControlSocket(boost::asio::io_context& io, Options options, Answers answers)
    : options_(std::move(options)),
      answers_(std::move(answers)),
      server_(io, listen_at(options_), serving(answers_)),
      file_(socket_file_at(options_.path)) {}

ControlSocket::~ControlSocket() {
  server_.close();
  if (file_) {
    remove_socket(options_.path, *file_);
  }
}

void ControlSocket::close() { server_.close(); }

}  // namespace pgrecall
