#include "client/asking.h"

namespace pgrecall {

ApiClient running_daemon(Session& session) {
  if (session.names_repository()) {
    throw Error(ErrorKind::usage, "this is about the daemon, and a daemon works by its configuration",
                "leave --repository and its key out");
  }
  const Config* config = session.config();
  ApiClient daemon(config->daemon.socket);
  if (!daemon.reachable()) {
    throw Error(ErrorKind::failed, "no daemon answers",
                "start it (systemctl start pgrecall), or see that you may use its socket; without it, pgrecall list and "
                "pgrecall wal status tell what the repository holds")
        .with("socket", config->daemon.socket);
  }
  return daemon;
}

}  // namespace pgrecall
