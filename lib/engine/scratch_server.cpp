#include "engine/scratch_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "engine/restore_target.h"
#include "io/fd.h"
#include "postgres/conninfo.h"

namespace pgrecall {

namespace {

constexpr unsigned scratch_port = 5432;
constexpr std::uint32_t settings_mode = 0600;
constexpr std::size_t log_shown = 4000;  // bytes
// Sessions that somebody's hot_standby conflicts or workers would need are not ours to save: recovery refuses less than the
// original had, and takes more.
constexpr std::uint32_t least_connections = 20;

constexpr int most_starts = 8;
constexpr std::size_t log_searched = std::size_t{8} << 20U;  // bytes; a copy's log has a line for each segment

using ServerSettings = std::vector<std::pair<std::string, std::string>>;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

void require_short(const std::string& sockets) {
  const std::string path = sockets + "/.s.PGSQL." + std::to_string(scratch_port);
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    throw Error(ErrorKind::failed, "the path of the scratch directory is too long for the server's socket",
                "choose a shorter one: --scratch DIR, or `scratch` in the configuration")
        .with("path", path);
  }
}

}  // namespace

ServerSettings isolated_settings(unsigned major, const ControlFile& control, const ScratchPlaces& places,
                                 const std::vector<std::string>& libraries) {
  ServerSettings settings{
      // Its own files instead of the original's, which may lie outside of the data directory.
      {"config_file", places.directory + "/postgresql.conf"},
      {"hba_file", places.directory + "/pg_hba.conf"},
      {"ident_file", places.directory + "/pg_ident.conf"},
      {"external_pid_file", places.directory + "/server.pid"},
      // One socket.
      {"listen_addresses", ""},
      {"unix_socket_directories", places.sockets},
      {"unix_socket_permissions", "0700"},
      {"unix_socket_group", ""},
      {"port", std::to_string(scratch_port)},
      {"ssl", "off"},
      {"bonjour", "off"},
      // Nothing goes out, and nobody is waited for.
      {"archive_mode", "off"},
      {"archive_command", ""},
      {"archive_cleanup_command", ""},
      {"recovery_end_command", ""},
      {"primary_conninfo", ""},
      {"primary_slot_name", ""},
      {"synchronous_standby_names", ""},
      {"max_logical_replication_workers", "0"},
      {"recovery_min_apply_delay", "0"},
      // No code of others.
      {"shared_preload_libraries", joined(libraries)},
      {"session_preload_libraries", ""},
      {"local_preload_libraries", ""},
      {"autovacuum", "off"},
      {"jit", "off"},
      // Recovery refuses less than the original had. Nobody can come for its WAL: replication has no line in pg_hba.conf.
      {"max_connections", std::to_string(std::max(control.max_connections, least_connections))},
      {"max_worker_processes", std::to_string(control.max_worker_processes)},
      {"max_wal_senders", std::to_string(control.max_wal_senders)},
      {"max_prepared_transactions", std::to_string(control.max_prepared_transactions)},
      {"max_locks_per_transaction", std::to_string(control.max_locks_per_transaction)},
      // Memory and processors of a guest.
      {"shared_buffers", "128MB"},
      {"huge_pages", "off"},
      {"dynamic_shared_memory_type", "mmap"},  // nothing of it outlives the directory
      {"work_mem", "16MB"},
      {"maintenance_work_mem", "64MB"},
      {"temp_buffers", "8MB"},
      {"max_parallel_workers", "0"},
      {"max_standby_archive_delay", "-1"},
      {"max_standby_streaming_delay", "-1"},
      {"temp_tablespaces", ""},
      {"default_transaction_read_only", "off"},
      // What is read of its log and errors is read in English, on the file that we gave it.
      {"lc_messages", "C"},
      {"logging_collector", "off"},
      {"log_destination", "stderr"},
      {"log_line_prefix", "%m [%p] "},
      {"log_min_messages", "warning"},
      {"log_statement", "none"},
      {"log_min_duration_statement", "-1"},
      {"log_timezone", "UTC"},
      {"cluster_name", "pgrecall scratch"},
  };
  if (major >= 15) {
    settings.emplace_back("archive_library", "");
  }
  if (major >= 17) {
    settings.emplace_back("event_triggers", "off");
    settings.emplace_back("summarize_wal", "off");
    settings.emplace_back("sync_replication_slots", "off");
  }
  return settings;
}

// "max_connections = 100 is a lower setting than on the primary server, where its value was 300." (14 and later), "hot standby is
// not possible because max_connections = 100 is a lower setting than on the master server (its value was 300)" (13):
// src/backend/access/transam/xlog.c.
ServerSettings demanded_settings(std::string_view log) {
  constexpr std::string_view lower = " is a lower setting than on the ";
  constexpr std::string_view value_was = "its value was ";
  ServerSettings demanded;
  for (std::size_t at = log.find(lower); at != std::string_view::npos; at = log.find(lower, at + 1)) {
    const std::size_t line_end = std::min(log.find('\n', at), log.size());
    const std::string_view behind = log.substr(at, line_end - at);
    const std::size_t value = behind.find(value_was);
    const std::size_t equals = log.rfind(" = ", at);
    if (value == std::string_view::npos || equals == std::string_view::npos || equals == 0) {
      continue;
    }
    const std::size_t blank = log.find_last_of(" \t\n", equals - 1);
    const std::size_t begin = blank == std::string_view::npos ? 0 : blank + 1;
    const std::string_view number = behind.substr(value + value_was.size());
    demanded.emplace_back(log.substr(begin, equals - begin),
                          number.substr(0, std::min(number.find_first_not_of("0123456789"), number.size())));
  }
  return demanded;
}

ScratchServer::ScratchServer(const ScratchDirectory& scratch, const RestorePlan& plan, const ScratchServerOptions& options,
                             Progress& progress, const std::stop_token& stop)
    : scratch_(scratch), stop_(stop), binaries_(plan.postgres_binaries), major_(plan.backup.summary.server_version / 10'000) {
  require_short(scratch.sockets());
  const RestoreTarget target(scratch.owner());
  target.replace_file(scratch.path() + "/postgresql.conf", settings_mode, bytes_of("# all is said by the command line\n"));
  target.replace_file(scratch.path() + "/pg_hba.conf", settings_mode, bytes_of("local all all trust\n"));
  target.replace_file(scratch.path() + "/pg_ident.conf", settings_mode, {});
  ServerStart start;
  start.data = scratch.data();
  start.binaries = binaries_;
  start.owner = scratch.owner().user;
  start.log = scratch.server_log();
  const ControlFile control = parse_control_file(read_file(scratch.data() + "/global/pg_control", 2 * control_file_size));
  start.settings = isolated_settings(major_, control, {scratch.path(), scratch.sockets()}, options.libraries);
  start.settings.insert(start.settings.end(), options.settings.begin(), options.settings.end());
  start.passphrase = options.passphrase;
  start.from = plan.backup.summary.start_lsn;
  start.until = plan.recovery ? plan.recovery->wal_until : plan.backup.summary.stop_lsn;
  start.users.insert(start.users.end(), options.users.begin(), options.users.end());
  start.users.push_back(scratch.owner().user);
  start.databases = {"postgres", "template1"};
  start.authentication = ServerStart::Authentication::trust;
  start.lifetime = ServerStart::Lifetime::starter;
  start_with(start, progress);
  try {
    if (!moment_.problem.empty()) {
      throw Error(ErrorKind::failed, "the restored server lets in nobody whom we know: " + moment_.problem,
                  "name a role that can log in: user=ROLE in the cluster's connection");
    }
    superuser_ = moment_.pid != 0 ? find_superuser() : std::string();
  } catch (...) {
    end(SIGQUIT);
    throw;
  }
}

// A hot standby that has less than its WAL demands ends (13), or pauses where it is (later versions), as it does at its target.
void ScratchServer::start_with(ServerStart& start, Progress& progress) {
  for (int left = most_starts;; --left) {
    const std::size_t before = log(log_searched).size();
    std::optional<Error> ended;
    try {
      moment_ = start_server(start, progress, stop_);
    } catch (const Error& error) {
      ended = error;
    }
    const std::string all = log(log_searched);
    const ServerSettings demanded = demanded_settings(std::string_view(all).substr(std::min(before, all.size())));
    if (demanded.empty() || left == 1 || (ended && ended->kind() == ErrorKind::cancelled)) {
      if (ended) {
        throw *ended;
      }
      return;
    }
    end(SIGQUIT);
    start.settings.insert(start.settings.end(), demanded.begin(), demanded.end());
  }
}

ScratchServer::~ScratchServer() { end(SIGQUIT); }

void ScratchServer::end(int signal) noexcept {
  if (moment_.pid == 0) {
    return;
  }
  int status = 0;
  if (::kill(moment_.pid, signal) == 0) {
    while (::waitpid(moment_.pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  moment_.pid = 0;
}

std::string ScratchServer::log(std::size_t limit) const {
  const Fd fd = open_existing(scratch_.server_log(), O_RDONLY);
  if (!fd) {
    return {};
  }
  const std::uint64_t size = file_size(fd, scratch_.server_log());
  Bytes text(std::min<std::uint64_t>(limit, size));
  text.resize(read_at(fd, size - text.size(), text, scratch_.server_log()));
  return std::string(text_of(text));
}

// Whoever was let in need not be one, and may see who is.
std::string ScratchServer::find_superuser() const {
  ConnectionSettings settings;
  settings.conninfo = "host=" + conninfo_quoted(scratch_.sockets()) + " port=" + std::to_string(scratch_port) +
                      " dbname=" + conninfo_quoted(moment_.database) + " user=" + conninfo_quoted(moment_.user) +
                      " passfile=/dev/null/none";
  Connection connection = Connection::open(settings, ReplicationMode::none, stop_);
  const Result found = connection.exec(
      "select rolname from pg_catalog.pg_roles where rolsuper and rolcanlogin order by rolname <> current_user, oid limit 1");
  if (found.rows() == 0) {
    throw Error(ErrorKind::failed, "the restored server has no superuser that can log in");
  }
  return std::string(found.text(0, 0));
}

std::string ScratchServer::conninfo(const std::string& database) const {
  // Over what ALTER DATABASE and ALTER ROLE have set: a copy of a database that is read only for its users is ours to write in.
  std::string options =
      "-c session_preload_libraries= -c local_preload_libraries= -c statement_timeout=0 -c lock_timeout=0"
      " -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off -c zero_damaged_pages=off";
  options += major_ >= 17 ? " -c event_triggers=off -c transaction_timeout=0" : "";
  return "host=" + conninfo_quoted(scratch_.sockets()) + " port=" + std::to_string(scratch_port) +
         " dbname=" + conninfo_quoted(database) + " user=" + conninfo_quoted(superuser_) +
         " options=" + conninfo_quoted(options) + " passfile=/dev/null/none";
}

Connection ScratchServer::connect(const std::string& database) const {
  ConnectionSettings settings;
  settings.conninfo = conninfo(database);
  return Connection::open(settings, ReplicationMode::none, stop_);
}

std::vector<std::string> ScratchServer::databases() const {
  Connection connection = connect(moment_.database);
  const Result rows = connection.exec("select datname from pg_catalog.pg_database where datallowconn order by datname");
  std::vector<std::string> names;
  for (int row = 0; row < rows.rows(); ++row) {
    names.emplace_back(rows.text(row, 0));
  }
  return names;
}

void ScratchServer::promote() {
  if (moment_.state != ServerMoment::State::paused) {
    return;
  }
  Connection connection = connect(moment_.database);
  if (!connection.exec("select pg_catalog.pg_promote(true, 600)").boolean(0, 0)) {
    throw Error(ErrorKind::failed,
                "the scratch server does not end its recovery within 10 minutes; the end of its log:\n" + log(log_shown));
  }
  moment_.state = ServerMoment::State::open;
}

void ScratchServer::shut_down() {
  end(SIGINT);
  moment_.state = ServerMoment::State::shut_down;
}

}  // namespace pgrecall
