#include "client/asking.h"

#include <filesystem>

namespace pgrecall {

namespace {
// Where the daemon listens, of a configuration that may be wrong elsewhere.
std::string socket_as_far_as_readable(const std::string& path) {
  try {
    ConfigCheck check = check_config(path);
    for (const Problem& problem : check.errors) {
      if (problem.key.empty() || problem.key == "daemon" || problem.key == "daemon.socket") {
        return Config().daemon.socket;
      }
    }
    return check.config.daemon.socket;
  } catch (const Error& unreadable) {
    return Config().daemon.socket;
  }
}

// Another configuration's daemon must not be taken for this one's.
bool works_by(const ApiClient& daemon, const std::string& path) {
  try {
    const std::string file = daemon.get("/v1/status?cluster=-").value("config", "");
    std::error_code different;
    return !file.empty() &&
           std::filesystem::absolute(file).lexically_normal() == std::filesystem::absolute(path).lexically_normal();
  } catch (const Error& no_answer) {
    return false;
  }
}
}  // namespace

std::optional<ApiClient> daemon_if_any(Session& session) {
  try {
    const Config* config = session.config();
    ApiClient daemon(config->daemon.socket);
    return daemon.reachable() ? std::optional(std::move(daemon)) : std::nullopt;
  } catch (const Error& invalid) {
    if (invalid.kind() != ErrorKind::configuration) {
      throw;
    }
    ApiClient daemon(socket_as_far_as_readable(session.config_path()));
    if (!daemon.reachable() || !works_by(daemon, session.config_path())) {
      throw;
    }
    session.console().warning("the configuration is invalid, and the daemon goes on with the one before: " + invalid.message());
    return daemon;
  }
}

void require_cluster(const ApiClient& daemon, const std::string& cluster) {
  // What no name of a cluster has would mean something else there.
  if (!valid_config_name(cluster) || daemon.get("/v1/status?cluster=" + cluster).at("clusters").empty()) {
    throw Error(ErrorKind::usage, "the daemon's configuration has no cluster \"" + cluster + "\"",
                "pgrecall status shows those that it has; after a change: systemctl reload pgrecall");
  }
}

ApiClient running_daemon(Session& session) {
  if (session.names_repository()) {
    throw Error(ErrorKind::usage, "this is about the daemon, and a daemon works by its configuration",
                "leave --repository and its key out");
  }
  if (auto daemon = daemon_if_any(session)) {
    return std::move(*daemon);
  }
  throw Error(ErrorKind::failed, "no daemon answers",
              "start it (systemctl start pgrecall), or see that you may use its socket; without it, pgrecall list and "
              "pgrecall wal status tell what the repository holds")
      .with("socket", session.config()->daemon.socket);
}

}  // namespace pgrecall
