#include "engine/extract/dump_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "io/fd.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr int dump_cannot_run = 127;
constexpr std::size_t read_at_once = 1U << 16U;  // bytes
constexpr std::size_t shown_complaint = 2000;    // bytes
constexpr int stop_interval_milliseconds = 50;
constexpr const char* packages = "/usr/lib/postgresql";

struct Pipe {
  Fd from;
  Fd to;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw system_error("cannot make a pipe", "pg_dump", errno);
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> words_for_exec(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) {
    list.push_back(word.data());
  }
  list.push_back(nullptr);
  return list;
}

// PGOPTIONS, PGSERVICE, PGCLIENTENCODING ...: meant for other servers than the scratch one.
std::vector<std::string> environment_without_libpq() {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("PG")) {
      variables.emplace_back(*each);
    }
  }
  variables.emplace_back("LC_ALL=C");
  return variables;
}

struct Ended {
  std::string out;
  std::string complaint;
  int status = 0;
};

class ClientProcess {
 public:
  ClientProcess(std::vector<std::string> words, std::vector<std::string> variables)
      : words_(std::move(words)), variables_(std::move(variables)) {
    launch();
  }
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;
  ~ClientProcess() {
    if (pid_ > 0) {
      static_cast<void>(::kill(pid_, SIGKILL));
      static_cast<void>(wait());
    }
  }

  Ended finish(const std::stop_token& stop);

 private:
  void launch();
  int wait();

  std::vector<std::string> words_;
  std::vector<std::string> variables_;
  Pipe out_ = make_pipe();
  Pipe complaint_ = make_pipe();
  pid_t pid_ = 0;
};

void ClientProcess::launch() {
  std::vector<char*> arguments = words_for_exec(words_);
  std::vector<char*> environment = words_for_exec(variables_);
  const pid_t starter = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only async-signal-safe calls from here on. It ends with us, also where we are killed.
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == starter && ::dup2(nothing, STDIN_FILENO) >= 0 &&
        ::dup2(out_.to.get(), STDOUT_FILENO) >= 0 && ::dup2(complaint_.to.get(), STDERR_FILENO) >= 0) {
      ::execve(arguments[0], arguments.data(), environment.data());
    }
    ::_exit(dump_cannot_run);
  }
  if (pid_ < 0) {
    throw system_error("cannot start the program", words_.front(), errno);
  }
  out_.to.reset();
  complaint_.to.reset();
}

int ClientProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

Ended ClientProcess::finish(const std::stop_token& stop) {
  Ended ended;
  std::array<struct pollfd, 2> waits{
      {{.fd = out_.from.get(), .events = POLLIN, .revents = 0}, {.fd = complaint_.from.get(), .events = POLLIN, .revents = 0}}};
  const std::array<std::string*, 2> texts{&ended.out, &ended.complaint};
  std::string buffer(read_at_once, '\0');
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    throw_if_stopped(stop);
    if (::poll(waits.data(), waits.size(), stop_interval_milliseconds) <= 0) {
      continue;
    }
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) {
        continue;
      }
      const ssize_t count = ::read(waits[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts[i]->append(buffer, 0, static_cast<std::size_t>(count));
      } else if (count == 0 || errno != EINTR) {
        waits[i].fd = -1;
      }
    }
  }
  ended.status = wait();
  return ended;
}

std::optional<unsigned> dump_major(const std::string& path) {
  constexpr std::string_view begin = "pg_dump (PostgreSQL) ";
  if (::access(path.c_str(), X_OK) != 0) {
    return std::nullopt;
  }
  const Ended ended = ClientProcess({path, "--version"}, environment_without_libpq()).finish({});
  unsigned major = 0;
  if (!ended.out.starts_with(begin) ||
      std::from_chars(ended.out.data() + begin.size(), ended.out.data() + ended.out.size(), major).ec != std::errc()) {
    return std::nullopt;
  }
  return major;
}

}  // namespace

std::optional<DumpProgram> find_dump_program(const std::vector<std::string>& directories, unsigned server_major) {
  for (const std::string& directory : directories) {
    const std::string path = directory + "/pg_dump";
    if (const auto major = dump_major(path); major && *major >= server_major) {
      return DumpProgram{.path = path, .major = *major};
    }
  }
  std::optional<DumpProgram> best;
  std::error_code missing;
  for (auto at = fs::directory_iterator(packages, missing); !missing && at != fs::directory_iterator(); at.increment(missing)) {
    const std::string path = at->path().string() + "/bin/pg_dump";
    const auto major = dump_major(path);
    if (major && *major >= server_major && (!best || *major < best->major)) {
      best = DumpProgram{.path = path, .major = *major};
    }
  }
  return best;
}

std::string run_dump(const DumpProgram& program, const std::vector<std::string>& arguments, const std::stop_token& stop) {
  std::vector<std::string> words{program.path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Ended ended = ClientProcess(std::move(words), environment_without_libpq()).finish(stop);
  if (!WIFEXITED(ended.status) || WEXITSTATUS(ended.status) != 0) {
    const std::size_t from = ended.complaint.size() - std::min(ended.complaint.size(), shown_complaint);
    throw Error(ErrorKind::failed, "pg_dump cannot read the scratch server:\n" + ended.complaint.substr(from),
                "nothing was written; its own message says what it lacks")
        .with("program", program.path);
  }
  return std::move(ended.out);
}

}  // namespace pgrecall
