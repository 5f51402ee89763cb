#include "output/console.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "output/text.h"

namespace pgrecall {

namespace {
// 0, or errno.
int write_to(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return errno;
    }
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return 0;
}
}  // namespace

Console::Console(OutputFormat format, Verbosity verbosity, ProgressDisplay progress)
    : format_(format),
      verbosity_(verbosity),
      progress_(progress),
      out_style_(Style::of_terminal(STDOUT_FILENO)),
      message_style_(Style::of_terminal(STDERR_FILENO)) {}

void Console::data(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (reader_gone_) {
    return;
  }
  const int failure = write_to(STDOUT_FILENO, text);
  if (failure == EPIPE) {
    reader_gone_ = true;
  } else if (failure != 0) {
    throw Error(ErrorKind::failed, "cannot write the output: " + std::generic_category().message(failure));
  }
}

void Console::json_data(const nlohmann::ordered_json& value) {
  data(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void Console::summary(std::string_view text) {
  if (!json() && verbosity_ != Verbosity::quiet) {
    data(text);
  }
}

void Console::message(std::string_view line) {
  if (verbosity_ != Verbosity::quiet) {
    write_error(std::string(line) + "\n");
  }
}

void Console::warning(std::string_view line) {
  write_error("pgrecall: " + message_style_.paint(Tone::warning, "warning:") + " " + printable(line) + "\n");
}

void Console::error(std::string_view text) { write_error(std::string(text) + "\n"); }

void Console::detail(std::string_view line) {
  if (verbosity_ == Verbosity::verbose) {
    write_error(message_style_.paint(Tone::faint, printable(line)) + "\n");
  }
}

void Console::transient(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (line == transient_) {
    return;
  }
  // Carriage return, text, and "erase to the end of the line" (ECMA-48 EL).
  std::string text = "\r";
  text.append(line).append("\x1b[K");
  transient_ = line;
  static_cast<void>(write_to(STDERR_FILENO, text));  // there is no place left to complain at
}

void Console::write_error(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string out = transient_.empty() ? "" : "\r\x1b[K";
  transient_.clear();
  out += text;
  static_cast<void>(write_to(STDERR_FILENO, out));  // there is no place left to complain at
}

}  // namespace pgrecall
