#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/secret.h"
#include "engine/progress.h"

namespace pgrecall {

// Starting the server of a restored data directory, and waiting until it stands where recovery was to bring it.
struct ServerStart {
  std::string data;                                           // directory
  std::string binaries;                                       // directory with `postgres`
  std::string owner;                                          // who runs it; only root can choose
  std::string log;                                            // file; appended to
  std::vector<std::pair<std::string, std::string>> settings;  // beat those in its files, as -c does
  std::optional<Secret> passphrase;                           // of the repository, for its restore_command's environment
  Lsn from;                                                   // where replay begins and ends, for progress
  Lsn until;
  // Whom it may let in, and where: tried in turn. Those who are not there, or are not let in, are passed over.
  std::vector<std::string> users{"postgres"};
  std::vector<std::string> databases{"postgres"};
  // How its socket tells who is there. peer: we ask as its owner. trust: whoever reaches the socket is let in.
  enum class Authentication { peer, trust } authentication = Authentication::peer;
  // own: it runs on when we are gone. starter: it ends with the thread that started it, also where that is killed.
  enum class Lifetime { own, starter } lifetime = Lifetime::own;
};

// Where the server says that it is.
struct ServerMoment {
  enum class State { paused, open, shut_down };
  State state = State::open;
  int pid = 0;  // 0 once it is shut down
  std::string socket_directory;
  unsigned port = 0;
  Timeline timeline = 0;
  Lsn replayed;  // last record
  std::optional<Time>
      last_commit;      // of the last transaction that was replayed; nothing when there was none, or it cannot be asked
  std::string problem;  // why the server could not be asked: it runs, and does not let us in
  std::string user;     // who was let in, and where
  std::string database;
};

// Returns once recovery has paused, ended, or shut the server down at its target. The server runs on by itself. Error{failed}
// with the end of its log when it ends for another reason; Error{cancelled} when asked to stop; the server is then shut down.
[[nodiscard]] ServerMoment start_server(const ServerStart& start, Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
