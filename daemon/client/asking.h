#pragma once

#include "client/api_client.h"
#include "session.h"

namespace pgrecall {

// The running daemon of this configuration, for commands that are about it alone. Error{failed} when there is none.
[[nodiscard]] ApiClient running_daemon(Session& session);

}  // namespace pgrecall
