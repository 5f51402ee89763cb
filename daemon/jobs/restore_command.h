#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/open_repository.h"

namespace pgrecall {

// How the server of a copy gets at its WAL: by this program, and by the repository's address alone, since it knows nothing of our
// configuration, and may not be allowed to read it.
struct RestoreCommand {
  std::string command;               // as the setting of that name wants it
  std::vector<std::string> paths;    // what it must be able to read to begin with: the repository, the key, the program
  std::optional<Secret> passphrase;  // for the server's environment, where there is no file that the command could name
};

// `spool`: directory of all spools, or empty. `repository` is the one that `address` leads to.
[[nodiscard]] RestoreCommand restore_command(const std::string& cluster, const RepositoryAddress& address,
                                             const Repository& repository, const std::string& spool);

}  // namespace pgrecall
