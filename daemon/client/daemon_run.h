#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "client/api_client.h"
#include "jobs/job.h"
#include "session.h"

namespace pgrecall {

// Whom to ask for a run.
struct RunPlace {
  bool no_daemon = false;  // --no-daemon
  std::string connection;  // --connection: the daemon knows only the configured one
};

void add_no_daemon(CLI::App& verb, RunPlace& place);

// The daemon that is to be asked; nothing when the run happens here: by --no-daemon, with a repository or connection from the
// command line, or where no daemon can be reached.
[[nodiscard]] std::optional<ApiClient> daemon_for(const RunPlace& place, Session& session);

// Asks the daemon for a run, shows how it goes and what comes of it. Returns the exit code. A stop detaches: Error{cancelled}
// says so, and the run goes on. Errors: those of the run.
int run_in_daemon(const ApiClient& daemon, const std::string& cluster, JobKind kind, const nlohmann::ordered_json& options,
                  Session& session);
// The same for a run that there is already.
int follow_in_daemon(const ApiClient& daemon, const std::string& run, Session& session);

}  // namespace pgrecall
