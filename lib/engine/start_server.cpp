#include "engine/start_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "io/fd.h"
#include "io/rate_limiter.h"
#include "postgres/connection.h"
#include "postgres/conninfo.h"
#include "postgres/control_file.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds look_interval{50};
constexpr std::size_t shown_log = 2000;  // bytes
constexpr int cannot_start = 127;
constexpr std::string_view no_such_database = "3D000";
constexpr std::string_view no_such_file = "58P01";  // a library that sessions there are to load

// This user, into this database: another pair may be let in. Anything else passes, while a server starts.
bool lets_nobody_in(const Error& error) {
  const std::string_view sqlstate = error.context("sqlstate");
  return sqlstate.starts_with("28") || sqlstate == no_such_database || sqlstate == no_such_file;
}

// Who the server runs as, looked up before the fork: behind it only async-signal-safe calls are allowed.
struct Identity {
  bool change = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

Identity identity_of(const std::string& owner) {
  if (::geteuid() != 0) {
    return {};
  }
  const struct passwd* entry = ::getpwnam(owner.c_str());  // NOLINT(concurrency-mt-unsafe): nobody else looks users up now
  if (entry == nullptr || entry->pw_uid == 0) {
    throw Error(ErrorKind::failed, "PostgreSQL does not run as root, and the data directory has no other owner",
                "chown the directory to the user who is to run the server")
        .with("owner", owner);
  }
  Identity identity{.change = true, .uid = entry->pw_uid, .gid = entry->pw_gid, .groups = std::vector<gid_t>(64)};
  int count = static_cast<int>(identity.groups.size());
  if (::getgrouplist(entry->pw_name, entry->pw_gid, identity.groups.data(), &count) < 0) {
    count = 0;
  }
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

struct Launch {
  const Identity& identity;
  const char* data;
  int log;
  char* const* arguments;
  char* const* environment;
  pid_t starter;  // 0: it outlives it
};

[[noreturn]] void become_server(const Launch& launch) {
  const Identity& identity = launch.identity;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const bool changed = !identity.change || (::setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
                                            ::setgid(identity.gid) == 0 && ::setuid(identity.uid) == 0);
  // Behind the change of user, which takes it back. SIGQUIT ends the server and all of its processes at once.
  const bool bound = launch.starter == 0 || (::prctl(PR_SET_PDEATHSIG, SIGQUIT) == 0 && ::getppid() == launch.starter);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (changed && bound && ::setsid() > 0 && ::chdir(launch.data) == 0 && ::dup2(nothing, STDIN_FILENO) >= 0 &&
      ::dup2(launch.log, STDOUT_FILENO) >= 0 && ::dup2(launch.log, STDERR_FILENO) >= 0 &&
      ::close_range(STDERR_FILENO + 1, ~0U, 0) == 0) {
    ::execve(launch.arguments[0], launch.arguments, launch.environment);
  }
  ::_exit(cannot_start);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) {
    list.push_back(word.data());
  }
  list.push_back(nullptr);
  return list;
}

// Ours, with the passphrase under the name by which `wal fetch` looks for it.
std::vector<std::string> environment_with(const std::optional<Secret>& passphrase) {
  constexpr std::string_view name = "PGRECALL_PASSPHRASE=";
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!passphrase || !std::string_view(*each).starts_with(name)) {
      variables.emplace_back(*each);
    }
  }
  if (passphrase) {
    variables.push_back(std::string(name) + passphrase->reveal());
  }
  return variables;
}

class StartedServer {
 public:
  StartedServer(const ServerStart& start, Progress& progress, const std::stop_token& stop)
      : start_(start), progress_(progress), stop_(stop), identity_(identity_of(start.owner)) {}

  ServerMoment run();

 private:
  void launch();
  void shut_down() const;
  // What it is doing, once it stands still.
  [[nodiscard]] std::optional<ServerMoment> look();
  [[nodiscard]] std::optional<ServerMoment> ask(ServerMoment moment);
  [[nodiscard]] Connection connect(ServerMoment& moment) const;
  [[nodiscard]] Connection connect_as(const ServerMoment& moment, const std::string& user, const std::string& database) const;
  [[nodiscard]] ServerMoment ended(int status) const;
  [[nodiscard]] std::string end_of_log() const;

  const ServerStart& start_;
  Progress& progress_;
  const std::stop_token& stop_;
  const Identity identity_;
  std::uint64_t log_begin_ = 0;
  pid_t pid_ = 0;
  std::uint64_t shown_ = 0;
};

void StartedServer::launch() {
  const std::string program = start_.binaries + "/postgres";
  std::vector<std::string> words{program, "-D", start_.data, "-c", "hot_standby=on"};
  for (const auto& [name, value] : start_.settings) {
    words.insert(words.end(), {"-c", name + "=" + value});
  }
  std::vector<char*> arguments = pointers(words);
  std::vector<std::string> variables = environment_with(start_.passphrase);
  std::vector<char*> environment = pointers(variables);
  const Fd log = open_file(start_.log, O_WRONLY | O_CREAT | O_APPEND);
  log_begin_ = file_size(log, start_.log);
  if (identity_.change && ::fchown(log.get(), identity_.uid, identity_.gid) != 0) {
    throw system_error("cannot set the owner", start_.log, errno);
  }
  const Launch launch{.identity = identity_,
                      .data = start_.data.c_str(),
                      .log = log.get(),
                      .arguments = arguments.data(),
                      .environment = environment.data(),
                      .starter = start_.lifetime == ServerStart::Lifetime::starter ? ::getpid() : 0};
  pid_ = ::fork();
  if (pid_ == 0) {
    become_server(launch);
  }
  if (pid_ < 0) {
    throw system_error("cannot start the server", program, errno);
  }
}

std::string StartedServer::end_of_log() const {
  const Fd fd = open_existing(start_.log, O_RDONLY);
  if (!fd) {
    return {};
  }
  const std::uint64_t size = file_size(fd, start_.log);
  Bytes text(std::min<std::uint64_t>(shown_log, size - std::min(size, log_begin_)));
  text.resize(read_at(fd, size - text.size(), text, start_.log));
  return std::string(text_of(text));
}

ServerMoment StartedServer::ended(int status) const {
  const std::string log = end_of_log();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(ErrorKind::failed, "the server ended while it recovered; the end of its log:\n" + log,
                "the restored directory is left as it is; see " + start_.log);
  }
  ServerMoment moment;
  moment.state = ServerMoment::State::shut_down;
  const ControlFile control = parse_control_file(read_file(start_.data + "/global/pg_control", 1U << 16U));
  moment.timeline = control.min_recovery_timeline != 0 ? control.min_recovery_timeline : control.timeline;
  moment.replayed = std::max(control.min_recovery_point, control.checkpoint);
  return moment;
}

// Peer authentication wants the server's own user at the other end of the socket, also when root asks.
Connection StartedServer::connect_as(const ServerMoment& moment, const std::string& user, const std::string& database) const {
  struct EffectiveUser {
    explicit EffectiveUser(const Identity& identity, ServerStart::Authentication authentication)
        : changed(identity.change && authentication == ServerStart::Authentication::peer && ::seteuid(identity.uid) == 0) {}
    EffectiveUser(const EffectiveUser&) = delete;
    EffectiveUser& operator=(const EffectiveUser&) = delete;
    ~EffectiveUser() {
      if (changed) {
        static_cast<void>(::seteuid(0));
      }
    }
    bool changed;
  };
  const EffectiveUser effective(identity_, start_.authentication);
  ConnectionSettings settings;
  settings.conninfo = "host=" + conninfo_quoted(moment.socket_directory) + " port=" + std::to_string(moment.port) +
                      " dbname=" + conninfo_quoted(database) + " user=" + conninfo_quoted(user) +
                      " passfile=/dev/null/none";  // libpq warns of one that is there and no file
  return Connection::open(settings, ReplicationMode::none, stop_);
}

Connection StartedServer::connect(ServerMoment& moment) const {
  std::optional<Error> refused;
  for (const std::string& user : start_.users) {
    for (const std::string& database : start_.databases) {
      try {
        Connection connection = connect_as(moment, user, database);
        moment.user = user;
        moment.database = database;
        return connection;
      } catch (const Error& error) {
        if (!lets_nobody_in(error)) {
          throw;
        }
        refused = error;
      }
    }
  }
  throw *refused;
}

std::optional<ServerMoment> StartedServer::ask(ServerMoment moment) {
  Connection connection = connect(moment);
  const std::string paused = connection.server_major() >= 14 ? "pg_catalog.pg_get_wal_replay_pause_state() = 'paused'"
                                                             : "pg_catalog.pg_is_wal_replay_paused()";
  const bool recovering = connection.exec("select pg_catalog.pg_is_in_recovery()").boolean(0, 0);
  const bool stands = !recovering || connection.exec("select " + paused).boolean(0, 0);
  // Behind that, and not in the same query: what is replayed between the two would be missing in the account.
  const Result at = connection.exec(
      "select pg_catalog.pg_last_wal_replay_lsn(),"
      " (extract(epoch from pg_catalog.pg_last_xact_replay_timestamp()) * 1000000)::bigint,"
      " (select timeline_id from pg_catalog.pg_control_checkpoint())");
  moment.replayed = at.is_null(0, 0) ? Lsn{} : at.lsn(0, 0);
  if (!at.is_null(0, 1)) {
    moment.last_commit = Time(std::chrono::microseconds(at.number(0, 1)));
  }
  moment.timeline = static_cast<Timeline>(at.unsigned_number(0, 2));
  if (const std::uint64_t done = moment.replayed.value - std::min(moment.replayed.value, start_.from.value); done > shown_) {
    progress_.add_done(done - shown_);
    shown_ = done;
  }
  if (!stands) {
    return std::nullopt;
  }
  moment.state = recovering ? ServerMoment::State::paused : ServerMoment::State::open;
  return moment;
}

std::optional<ServerMoment> StartedServer::look() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) {
    return ended(status);
  }
  // pid, data directory, start time, port, socket directory ... (src/include/utils/pidfile.h)
  const std::string path = start_.data + "/postmaster.pid";
  std::error_code missing;
  if (!fs::exists(path, missing)) {
    return std::nullopt;
  }
  const Bytes bytes = read_file(path, 1U << 16U);
  std::istringstream lines{std::string(text_of(bytes))};
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    found.push_back(line);
  }
  if (found.size() < 8 || found[0] != std::to_string(pid_)) {
    return std::nullopt;
  }
  ServerMoment moment;
  moment.pid = pid_;
  moment.socket_directory = found[4];
  std::from_chars(found[3].data(), found[3].data() + found[3].size(), moment.port);
  try {
    return ask(moment);
  } catch (const Error& error) {
    // It lets us in as nobody, or nowhere. Anything else passes: it starts, or has just ended.
    if (lets_nobody_in(error)) {
      moment.problem = error.what();
      return moment;
    }
    if (error.kind() == ErrorKind::cancelled) {
      throw;
    }
    return std::nullopt;
  }
}

ServerMoment StartedServer::run() {
  progress_.enter("replaying WAL");
  progress_.set_total(start_.until > start_.from ? start_.until.value - start_.from.value : 0);
  launch();
  try {
    while (true) {
      if (auto moment = look()) {
        return *moment;
      }
      wait_unless_stopped(look_interval, stop_);
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      shut_down();
    }
    throw;
  }
}

// Fast, as pg_ctl stop does it. Recovery goes on from there when it is started again.
void StartedServer::shut_down() const {
  int status = 0;
  if (::kill(pid_, SIGINT) == 0) {
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace

ServerMoment start_server(const ServerStart& start, Progress& progress, const std::stop_token& stop) {
  return StartedServer(start, progress, stop).run();
}

}  // namespace pgrecall
