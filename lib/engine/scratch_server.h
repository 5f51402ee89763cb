#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "engine/progress.h"
#include "engine/restore.h"
#include "engine/scratch_directory.h"
#include "engine/start_server.h"
#include "postgres/connection.h"
#include "postgres/control_file.h"

namespace pgrecall {

// What a scratch server needs beside the restored files.
struct ScratchServerOptions {
  std::optional<Secret> passphrase;    // of the repository, for its restore_command's environment
  std::vector<std::string> users;      // roles that may be there, beside postgres, to begin with
  std::vector<std::string> libraries;  // shared_preload_libraries; as a rule none: many work on their own, or are not installed
  // For where those that it comes with do not fit; beats them.
  std::vector<std::pair<std::string, std::string>> settings;
};

// Where a scratch server's own files lie.
struct ScratchPlaces {
  std::string directory;  // postgresql.conf, pg_hba.conf and pg_ident.conf are in it
  std::string sockets;
};

// The settings that keep a copy of a cluster to itself, whatever its own say: no TCP, no archiving, nobody to replicate to or
// from, no libraries, no jobs, no commands of the original's; and memory that fits beside other work. Where recovery wants as
// much as the original had, `control` tells it. Pure.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> isolated_settings(unsigned major, const ControlFile& control,
                                                                                 const ScratchPlaces& places,
                                                                                 const std::vector<std::string>& libraries);

// What a log says that recovery needs more of than the settings give: of a cluster whose settings were raised while its WAL was
// written, so that its backup did not know. Names and values. Pure.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> demanded_settings(std::string_view log);

// The server of a copy that was restored into a scratch directory. It listens on a Unix socket in that directory alone, lets in
// whoever reaches it, and ends with this object, and with the thread that made it, however that ends. Not for two threads at
// once.
class ScratchServer {
 public:
  // Starts it, and waits until recovery stands still where `plan` wants it. Errors: those of start_server(), with "log" in their
  // context. `scratch` outlives it.
  ScratchServer(const ScratchDirectory& scratch, const RestorePlan& plan, const ScratchServerOptions& options, Progress& progress,
                const std::stop_token& stop);
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;
  // At once, as a crash.
  ~ScratchServer();

  [[nodiscard]] const ServerMoment& moment() const noexcept { return moment_; }
  [[nodiscard]] const std::string& superuser() const noexcept { return superuser_; }
  [[nodiscard]] const std::string& binaries() const noexcept { return binaries_; }
  [[nodiscard]] unsigned major() const noexcept { return major_; }
  // What its server logged, from the beginning; at most `limit` bytes of its end.
  [[nodiscard]] std::string log(std::size_t limit) const;
  // For libpq, as superuser; sessions load no libraries, and no event trigger fires in them (17 and later).
  [[nodiscard]] std::string conninfo(const std::string& database) const;
  [[nodiscard]] Connection connect(const std::string& database) const;
  // Those that can be connected to, by name.
  [[nodiscard]] std::vector<std::string> databases() const;
  // Ends recovery where it stands: from then on it can be written to. On a timeline of its own that nobody sees.
  void promote();
  // With a checkpoint: what is in its files then is whole.
  void shut_down();

 private:
  void end(int signal) noexcept;
  void start_with(ServerStart& start, Progress& progress);
  [[nodiscard]] std::string find_superuser() const;

  const ScratchDirectory& scratch_;
  std::stop_token stop_;
  std::string binaries_;
  unsigned major_ = 0;
  ServerMoment moment_;
  std::string superuser_;
};

}  // namespace pgrecall
