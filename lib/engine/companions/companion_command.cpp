#include "engine/companions/companion_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/units.h"
#include "io/fd.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kept_complaint = 500;       // bytes, the last ones
constexpr std::size_t read_from_command = 65536;  // bytes
constexpr int most_pieces = 16;                   // between two looks at the clock
constexpr std::chrono::milliseconds between_looks{50};
constexpr std::chrono::seconds to_end_by_itself{2};

struct CommandPipe {
  Fd from;
  Fd to;
};

CommandPipe make_command_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw system_error("cannot make a pipe", "companion", errno);
  }
  CommandPipe made{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(made.from.get(), F_SETFL, O_NONBLOCK) != 0) {
    throw system_error("cannot use a pipe", "companion", errno);
  }
  return made;
}

// PGPASSWORD and the repository's passphrase are nothing that ssh or docker should hand on.
std::vector<std::string> environment_for_others() {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable(*each);
    const auto is = [&](const char* prefix) { return variable.starts_with(prefix); };
    if (!is("PG") && !is("NOTIFY_SOCKET=") && !is("WATCHDOG_") && !is("LISTEN_")) {
      variables.emplace_back(variable);
    }
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

// What posix_spawn is told, destroyed with it.
class SpawnSettings {
 public:
  SpawnSettings(const Fd& out, const Fd& complaint) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    // Threads of ours block signals, and ignore some; programs do not expect that.
    require(::posix_spawnattr_setsigmask(&attributes_, &none));
    require(::posix_spawnattr_setsigdefault(&attributes_, &all));
    require(::posix_spawnattr_setpgroup(&attributes_, 0));
    require(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
    require(::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    require(::posix_spawn_file_actions_adddup2(&files_, out.get(), STDOUT_FILENO));
    require(::posix_spawn_file_actions_adddup2(&files_, complaint.get(), STDERR_FILENO));
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  [[nodiscard]] const posix_spawn_file_actions_t* files() const noexcept { return &files_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }

 private:
  static void require(int result) {
    if (result != 0) {
      throw system_error("cannot prepare a command", "companion", result);
    }
  }

  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

class CompanionProcess {
 public:
  explicit CompanionProcess(std::vector<std::string> words) : words_(std::move(words)) { launch(); }
  CompanionProcess(const CompanionProcess&) = delete;
  CompanionProcess& operator=(const CompanionProcess&) = delete;
  // What a program that succeeded left running is its own affair (ssh's shared connections); else nothing of the group is left.
  ~CompanionProcess() {
    if (!succeeded_) {
      static_cast<void>(::kill(-pid_, SIGTERM));
      static_cast<void>(wait_for_end(to_end_by_itself));
      static_cast<void>(::kill(-pid_, SIGKILL));
    }
    reap();
  }

  void read_all(SteadyClock::time_point until, std::chrono::milliseconds limit, const std::function<void(ByteView)>& on_output,
                const std::stop_token& stop);

 private:
  void launch();
  bool wait_for_end(std::chrono::milliseconds longest) const;
  void reap();
  enum class Reading { full, empty, ended };  // of the pipe, for the moment
  Reading read_output(const std::function<void(ByteView)>& on_output);
  void read_complaint();
  [[nodiscard]] std::string complaint_text() const;
  void require_success();

  std::vector<std::string> words_;
  CommandPipe out_ = make_command_pipe();
  CommandPipe complaint_ = make_command_pipe();
  std::string said_;
  bool succeeded_ = false;
  pid_t pid_ = 0;
  Fd ended_;  // readable once the program has ended
};

void CompanionProcess::launch() {
  const SpawnSettings settings(out_.to, complaint_.to);
  std::vector<std::string> variables = environment_for_others();
  const std::vector<char*> arguments = pointers_to(words_);
  const std::vector<char*> environment = pointers_to(variables);
  const int result =
      ::posix_spawnp(&pid_, arguments[0], settings.files(), settings.attributes(), arguments.data(), environment.data());
  if (result != 0) {
    throw Error(ErrorKind::failed, "the command cannot be started: " + std::generic_category().message(result),
                "name the program with its path; the daemon has the PATH of its service")
        .with("program", words_.front());
  }
  out_.to.reset();
  complaint_.to.reset();
  ended_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
  if (!ended_) {
    const int cause = errno;
    static_cast<void>(::kill(-pid_, SIGKILL));
    reap();
    throw system_error("cannot watch a command", words_.front(), cause);
  }
}

bool CompanionProcess::wait_for_end(std::chrono::milliseconds longest) const {
  struct pollfd wait {
    .fd = ended_.get(), .events = POLLIN, .revents = 0
  };
  return ended_ && ::poll(&wait, 1, static_cast<int>(longest.count())) > 0;
}

void CompanionProcess::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

CompanionProcess::Reading CompanionProcess::read_output(const std::function<void(ByteView)>& on_output) {
  Bytes buffer(read_from_command);
  for (int pieces = 0; pieces < most_pieces; ++pieces) {
    const ssize_t count = ::read(out_.from.get(), buffer.data(), buffer.size());
    if (count > 0) {
      on_output(ByteView(buffer).first(static_cast<std::size_t>(count)));
    } else if (count == 0 || errno != EINTR) {
      return count < 0 && errno == EAGAIN ? Reading::empty : Reading::ended;
    }
  }
  return Reading::full;
}

void CompanionProcess::read_complaint() {
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count = ::read(complaint_.from.get(), buffer.data(), buffer.size());
    if (count > 0) {
      said_.append(buffer.data(), static_cast<std::size_t>(count));
      said_.erase(0, said_.size() - std::min(said_.size(), kept_complaint));
    } else if (count == 0) {
      complaint_.from.reset();
      return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

std::string CompanionProcess::complaint_text() const {
  std::string text = said_;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? text : ": " + text;
}

// Its end counts, and not that of its pipes: what it leaves behind (ssh's shared connections) may hold them for long.
void CompanionProcess::read_all(SteadyClock::time_point until, std::chrono::milliseconds limit,
                                const std::function<void(ByteView)>& on_output, const std::stop_token& stop) {
  bool over = false;
  bool more = true;
  // Once it has ended, what lies in its pipe is still read.
  while (!over || more) {
    throw_if_stopped(stop);
    if (SteadyClock::now() >= until) {
      throw Error(ErrorKind::failed, "the command did not end within " + format_duration(limit) + complaint_text(),
                  "see why it takes so long; where it may, set time_limit of the companion")
          .with("program", words_.front());
    }
    if (!over) {
      std::array<struct pollfd, 3> waits{{{.fd = ended_.get(), .events = POLLIN, .revents = 0},
                                          {.fd = more ? out_.from.get() : -1, .events = POLLIN, .revents = 0},
                                          {.fd = complaint_.from.get(), .events = POLLIN, .revents = 0}}};
      static_cast<void>(::poll(waits.data(), waits.size(), static_cast<int>(between_looks.count())));
      over = wait_for_end(std::chrono::milliseconds(0));
    }
    const Reading reading = more ? read_output(on_output) : Reading::ended;
    more = reading == Reading::full || (reading == Reading::empty && !over);
    if (complaint_.from) {
      read_complaint();
    }
  }
  require_success();
}

// The group is gone before what remains of the program itself is: until then its number is nobody else's.
void CompanionProcess::require_success() {
  siginfo_t end{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  succeeded_ = end.si_code == CLD_EXITED && end.si_status == 0;
  if (succeeded_) {
    return;
  }
  const std::string how = (end.si_code == CLD_EXITED ? "exit status " : "signal ") + std::to_string(end.si_status);
  throw Error(ErrorKind::failed, "the command ended by " + how + complaint_text(),
              "run it by hand, as the user who runs pgrecall")
      .with("program", words_.front());
}

}  // namespace

void run_companion_command(const std::vector<std::string>& words, std::chrono::milliseconds time_limit,
                           const std::function<void(ByteView)>& on_output, const std::stop_token& stop) {
  CompanionProcess process(words);
  process.read_all(SteadyClock::now() + time_limit, time_limit, on_output, stop);
}

}  // namespace pgrecall
