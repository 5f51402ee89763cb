#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "jobs/open_repository.h"
#include "output/console.h"
#include "postgres/connection.h"
#include "stop_signals.h"

namespace pgrecall {

// What every command takes.
struct GlobalOptions {
  std::string config_file;  // empty: the default path
  std::string repository;   // URL or path; empty: as the configuration says
  std::string key_file;
  std::string passphrase_file;
  std::string output = "text";
  bool quiet = false;
  bool no_progress = false;
  bool verbose = false;
};

// What the commands of one invocation share: configuration, repositories, clock, signals. Everything is looked up when it is
// first asked for, so that a command fails only for what it needs. One thread.
//
// With --repository, the configuration file is read only when --config names it: then clusters come from there and the repository
// from the command line. So a restore never depends on a file that is not there, or on one that is broken.
class Session {
 public:
  Session(const GlobalOptions& options, Console& console) : options_(options), console_(console) {}

  [[nodiscard]] Console& console() noexcept { return console_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  // Stopped by SIGINT and SIGTERM. Asked for before any thread starts; without it, both end the process at once.
  [[nodiscard]] std::stop_token stop();

  [[nodiscard]] std::string config_path() const;
  // Whether the repository, or its key, comes from the command line.
  [[nodiscard]] bool names_repository() const noexcept {
    return !options_.repository.empty() || !options_.key_file.empty() || !options_.passphrase_file.empty();
  }
  // What a command suggested to the reader needs to work on the same repository: " --repository /srv/backup", or nothing.
  [[nodiscard]] std::string repeated_options() const;
  // Null when this invocation works without one.
  [[nodiscard]] const Config* config();
  // Null without configuration. Error{usage} when the configuration does not know the cluster.
  [[nodiscard]] const ClusterConfig* cluster(const std::string& name);
  // From `conninfo` when it is not empty, else from the configuration. Error{usage} when neither tells.
  [[nodiscard]] ConnectionSettings connection(const std::string& cluster_name, const std::string& conninfo);

  [[nodiscard]] Repository& repository_of(const std::string& cluster_name);
  // The one of the command line, or all of the configuration.
  [[nodiscard]] std::vector<OpenRepository*> repositories();
  // `name` in the configuration, or its only one when empty; or the one of the command line.
  [[nodiscard]] RepositoryAddress address(const std::string& name);
  // The one that repository_of() opens.
  [[nodiscard]] RepositoryAddress address_of(const std::string& cluster_name);
  [[nodiscard]] OpenRepository& open(const std::string& name);

 private:
  [[nodiscard]] KeySource key_of_options() const;

  const GlobalOptions& options_;
  Console& console_;
  SystemClock clock_;
  std::unique_ptr<StopSignals> signals_;
  std::optional<LoadedConfig> config_;
  std::map<std::string, OpenRepository> open_;  // by name
};

}  // namespace pgrecall
