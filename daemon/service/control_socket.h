#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "service/api.h"
#include "service/http_server.h"

namespace pgrecall {

// The Unix socket on which the daemon can be asked and steered. It lives in the thread of its io_context, which never waits for a
// disk; answers come from elsewhere.
class ControlSocket {
 public:
  struct Answers {
    // Both return at once, and call back later, from any thread.
    std::function<void(ApiRequest, std::function<void(ApiResponse)>)> answer;
    std::function<void(std::shared_ptr<FollowCursor>, std::function<void(FollowLines)>)> follow;
  };
  struct Options {
    std::string path;
    std::optional<std::string> group;  // owns the socket, mode 0660; unset: the daemon's own
  };
  // Which file a socket is.
  struct SocketFile {
    dev_t device = 0;
    ino_t inode = 0;
  };
  // Listens. A socket that a dead daemon left is replaced; Error{held} when somebody answers on it, Error{configuration} when
  // something else than a socket is there.
  ControlSocket(boost::asio::io_context& io, Options options, Answers answers);
  // Removes the socket. The io_context must not run any more.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Takes no more connections; those that there are end with what they are at.
  void close();

 private:
  const Options options_;
  const Answers answers_;
  HttpServer server_;
  std::optional<SocketFile> file_;  // ours
};

}  // namespace pgrecall
