#include "engine/postgres_program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "io/fd.h"

namespace pgrecall {

namespace {

constexpr std::size_t longest_answer = 1024;  // bytes
constexpr int cannot_run = 127;

// What `program --version` writes to stdout.
std::string ask_version(const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw system_error("cannot make a pipe", program, errno);
  }
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::string name = program;
  std::string option = "--version";
  const std::array<char*, 3> arguments{name.data(), option.data(), nullptr};
  const pid_t child = ::fork();
  if (child == 0) {
    // Only async-signal-safe calls from here on.
    if (::dup2(to.get(), STDOUT_FILENO) >= 0) {
      ::execv(arguments[0], arguments.data());
    }
    ::_exit(cannot_run);
  }
  to = Fd();
  std::string text(longest_answer, '\0');
  std::size_t filled = 0;
  while (child > 0 && filled < text.size()) {
    const ssize_t count = ::read(from.get(), text.data() + filled, text.size() - filled);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      break;
    }
    filled += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  text.resize(filled);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace

std::optional<unsigned> program_major(const std::string& directory) {
  constexpr std::string_view begin = "postgres (PostgreSQL) ";
  const std::string text = ask_version(directory + "/postgres");
  unsigned major = 0;
  if (!text.starts_with(begin) ||
      std::from_chars(text.data() + begin.size(), text.data() + text.size(), major).ec != std::errc()) {
    return std::nullopt;
  }
  return major;
}

}  // namespace pgrecall
