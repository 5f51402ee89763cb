#include "engine/wal/prefetch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "io/fd.h"

namespace pgrecall {

namespace {
constexpr std::string_view recovery_file = "RECOVERYXLOG";

using BootId = std::array<char, 37>;  // 36 characters and a zero; empty when it cannot be read

BootId read_boot_id() noexcept {
  BootId boot{};
  const Fd fd(::open(boot_file, O_RDONLY | O_CLOEXEC));
  if (!fd || ::read(fd.get(), boot.data(), boot.size() - 1) != static_cast<ssize_t>(boot.size()) - 1) {
    boot.fill('\0');
  }
  return boot;
}

std::string directory_beside(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + prefetch_directory;
}
}  // namespace

bool is_recovery_path(const std::string& path) noexcept { return path.ends_with(recovery_file); }

std::string prefetched_suffix() {
  const BootId boot = read_boot_id();
  return boot[0] == '\0' ? std::string() : std::string(".") + boot.data();
}

bool take_prefetched(const char* file_name, const char* path) noexcept {
  std::array<char, 4096> from{};
  const BootId boot = read_boot_id();
  const char* slash = std::strrchr(path, '/');
  const int directory = slash == nullptr ? 0 : static_cast<int>(slash - path) + 1;
  const int length =
      std::snprintf(from.data(), from.size(), "%.*s%s/%s.%s", directory, path, prefetch_directory, file_name, boot.data());
  return boot[0] != '\0' && length > 0 && static_cast<std::size_t>(length) < from.size() && std::rename(from.data(), path) == 0;
}

bool await_prefetched(const std::string& file_name, const std::string& path) {
  const std::string part = directory_beside(path) + "/" + file_name + ".part";
  if (const Fd fd = open_existing(part, O_RDONLY)) {
    // Until it is complete, or its process is dead.
    while (::flock(fd.get(), LOCK_SH) != 0) {
      if (errno != EINTR) {
        throw system_error("cannot wait for the segment that is being fetched", part, errno);
      }
    }
  }
  return take_prefetched(file_name.c_str(), path.c_str());
}

bool tell_prefetcher(const std::string& file_name, const std::string& path) {
  const std::string directory = directory_beside(path);
  const Fd lock = open_existing(directory + "/lock", O_RDONLY);
  if (!lock || ::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) {
    return false;
  }
  // It may just be ending, and take its directory away.
  return static_cast<bool>(Fd(::open((directory + "/" + file_name + ".wanted").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
}

}  // namespace pgrecall
