#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "command_line.h"
#include "engine/restore.h"
#include "engine/start_server.h"
#include "output/style.h"

namespace pgrecall {

// The options of `restore` that say where recovery ends, as they were typed.
struct RecoveryOptions {
  std::string at;
  std::string lsn;
  std::string xid;
  std::string name;
  bool latest = false;
  bool immediate = false;
  std::string timeline;
  bool exclusive = false;
  std::string archive_mode;
  std::string action;
  std::string spool;
};

void add_recovery_options(CLI::App& verb, RecoveryOptions& options);

// Nothing when no target was asked for. Error{usage} for what does not go together. Tells how a time without zone was read.
[[nodiscard]] std::optional<RecoveryRequest> recovery_request(const RecoveryOptions& options, const std::string& cluster,
                                                              Session& session);

// The repository's passphrase where there is no file of it that restore_command could name: the server has to have it in its
// environment, as PGRECALL_PASSPHRASE.
[[nodiscard]] std::optional<Secret> passphrase_without_file(const std::string& cluster, Session& session);

[[nodiscard]] nlohmann::ordered_json recovery_json(const RecoveryPlan& plan);
// Label and text of each line, for people.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> recovery_lines(const RecoveryPlan& plan);

// Where --start brought the server.
[[nodiscard]] nlohmann::ordered_json moment_json(const ServerMoment& moment);
[[nodiscard]] std::string moment_text(const ServerMoment& moment, const Style& style);

}  // namespace pgrecall
