#pragma once

#include <optional>

#include "client/api_client.h"
#include "session.h"

namespace pgrecall {

// The running daemon of this configuration, for commands that are about it alone. Error{failed} when there is none.
//
// While the configuration file is invalid, the daemon goes on with the one before and can be asked: then it is the one on
// daemon.socket, as far as that can still be read, if it says that it works by this very file. A warning tells what is wrong.
[[nodiscard]] ApiClient running_daemon(Session& session);
// Error{usage} when the daemon's configuration does not have the cluster.
void require_cluster(const ApiClient& daemon, const std::string& cluster);
// The daemon that `session` should ask, when one answers. Error{configuration} when there is none and the file is invalid.
[[nodiscard]] std::optional<ApiClient> daemon_if_any(Session& session);

}  // namespace pgrecall
