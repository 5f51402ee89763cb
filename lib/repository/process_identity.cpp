#include "repository/process_identity.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/hash.h"
#include "base/host_name.h"

namespace pgrecall {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Two containers of one machine share the boot id, but a PID of one says nothing in the other.
std::string host_hash() {
  const std::string boot_id = first_line("/proc/sys/kernel/random/boot_id");
  std::error_code problem;
  const std::string pid_namespace = std::filesystem::read_symlink("/proc/self/ns/pid", problem).string();
  if (boot_id.empty() || problem) {
    return {};
  }
  const std::string text = first_line("/etc/machine-id") + "\n" + boot_id + "\n" + pid_namespace;
  return sha256(bytes_of(text)).to_string().substr(0, 32);
}

struct ProcessState {
  char state = '?';
  std::uint64_t started = 0;
};

// Nothing when the process is gone, or hidden from us.
std::optional<ProcessState> read_state(std::uint64_t pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  // The command's name may hold anything, also blanks and parentheses; the fields begin behind its last one.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(line.substr(name_end + 1));
  ProcessState process;
  fields >> process.state;
  constexpr int first_field = 4;
  constexpr int started_field = 22;
  std::string field;
  for (int number = first_field; number <= started_field && fields; ++number) {
    fields >> field;
  }
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), process.started);
  return fields && parsed.ec == std::errc() ? std::optional(process) : std::nullopt;
}

}  // namespace

ProcessIdentity ProcessIdentity::self() {
  ProcessIdentity identity;
  identity.host = host_hash();
  identity.pid = static_cast<std::uint64_t>(::getpid());
  const auto state = read_state(identity.pid);
  identity.pid_started = state ? state->started : 0;
  return identity;
}

bool ProcessIdentity::certainly_dead() const {
  if (host.empty() || host != host_hash() || pid == 0 || pid > 1U << 30U) {
    return false;
  }
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
    return true;
  }
  const auto state = read_state(pid);
  return state && (state->state == 'Z' || state->state == 'X' || (pid_started != 0 && state->started != pid_started));
}

std::string describe_this_process() { return host_name("?") + " pid " + std::to_string(::getpid()); }

}  // namespace pgrecall
