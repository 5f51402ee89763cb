#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace pgrecall {

// A PostgreSQL server that runs on this host.
struct RunningServer {
  pid_t pid = 0;
  std::string data_directory;  // as /proc says it; of a server in a container, its own name for it
};

// The server whose data directory, pg_wal or tablespace `directory` is or lies in, by device and inode, so that links do not
// hide it. Nothing when there is none, when the directory does not exist, or when /proc does not let us look: root sees all
// servers, others their own.
[[nodiscard]] std::optional<RunningServer> server_that_uses(const std::string& directory);

}  // namespace pgrecall
