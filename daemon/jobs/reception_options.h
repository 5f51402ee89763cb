#pragma once

#include <string>

#include "config/config.h"
#include "engine/wal/reception.h"

namespace pgrecall {

// How the WAL of a cluster is received; `configured` is null without configuration.
[[nodiscard]] WalReceptionOptions reception_options(const std::string& cluster, ConnectionSettings connection,
                                                    const ClusterConfig* configured, const std::string& spool);

}  // namespace pgrecall
