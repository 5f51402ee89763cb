#include "io/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

namespace pgrecall {

namespace {
// Linux moves at most 0x7ffff000 bytes in one call; smaller steps also let a signal through in between.
constexpr std::size_t largest_step = std::size_t{64} << 20U;

int open_retrying(const std::string& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const std::size_t slash = end == std::string::npos ? std::string::npos : path.find_last_of('/', end);
  if (slash == std::string::npos) {
    return end == std::string::npos ? "/" : ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

void require_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 && errno != ENOENT) {
    throw io_error("cannot look at directory", path, errno);
  }
  if (status.st_mode != 0 && !S_ISDIR(status.st_mode)) {
    throw io_error("cannot make directory", path, ENOTDIR);
  }
}

void inherit_directory_owner(const std::string& path, const std::string& parent) {
  if (::geteuid() == 0) {
    if (const Fd fd = open_existing(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) {
      inherit_owner(fd, parent);
    }
  }
}

// All of them before any is synced, so that there is little time for others to remove one. False when somebody did.
bool make_chain(const std::string& path, unsigned mode, std::vector<std::string>& made) {
  for (const bool first : {true, false}) {
    if (::mkdir(path.c_str(), mode) == 0) {
      inherit_directory_owner(path, parent_of(path));
      made.push_back(path);
      return true;
    }
    if (errno == EEXIST) {
      require_directory(path);
      return true;
    }
    const std::string parent = parent_of(path);
    if (errno != ENOENT || parent == path) {
      throw io_error("cannot make directory", path, errno);
    }
    if (!first || !make_chain(parent, mode, made)) {
      return false;
    }
  }
  return false;
}

bool sync_parents(const std::vector<std::string>& made) {
  for (const std::string& path : made) {
    const std::string parent = parent_of(path);
    const Fd fd = open_existing(parent, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      return false;
    }
    sync_directory(fd, parent);
  }
  return true;
}
}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) {
    // What matters was synced before; Linux frees the descriptor even when close reports an error.
    (void)::close(std::exchange(fd_, -1));
  }
}

Error io_error(std::string_view message, std::string_view path, int errno_value) {
  Error error = system_error(message, path, errno_value);
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case ESTALE:
    case ETIMEDOUT: return std::move(error).mark_passing();
    default: return error;
  }
}

Fd open_file(const std::string& path, int flags, unsigned mode) {
  Fd fd(open_retrying(path, flags, mode));
  if (!fd) {
    throw io_error("cannot open", path, errno);
  }
  return fd;
}

Fd open_existing(const std::string& path, int flags) {
  Fd fd(open_retrying(path, flags, 0));
  if (!fd && errno != ENOENT && errno != ENOTDIR) {
    throw io_error("cannot open", path, errno);
  }
  return fd;
}

void inherit_owner(const Fd& fd, const std::string& directory) {
  struct stat status {};
  if (::geteuid() == 0 && ::stat(directory.c_str(), &status) == 0 && status.st_uid != 0) {
    // Over NFS root may not be who it says; then it could not have done better anyway.
    static_cast<void>(::fchown(fd.get(), status.st_uid, status.st_gid) == 0);
  }
}

void write_all(const Fd& fd, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), std::min(bytes.size(), largest_step));
    if (count < 0 && errno != EINTR) {
      throw io_error("cannot write", path, errno);
    }
    bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

void write_all_at(const Fd& fd, ByteView bytes, std::uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd.get(), bytes.data(), std::min(bytes.size(), largest_step), static_cast<off_t>(offset));
    if (count < 0 && errno != EINTR) {
      throw io_error("cannot write", path, errno).with("offset", offset);
    }
    const std::size_t written = count < 0 ? 0 : static_cast<std::size_t>(count);
    bytes = bytes.subspan(written);
    offset += written;
  }
}

std::size_t read_at(const Fd& fd, std::uint64_t offset, MutableByteView out, const std::string& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        ::pread(fd.get(), out.data() + done, std::min(out.size() - done, largest_step), static_cast<off_t>(offset + done));
    if (count == 0) {
      break;
    }
    if (count < 0 && errno != EINTR) {
      throw io_error("cannot read", path, errno).with("offset", offset + done);
    }
    done += count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  return done;
}

std::uint64_t file_size(const Fd& fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw io_error("cannot look at", path, errno);
  }
  return static_cast<std::uint64_t>(status.st_size);
}

void sync_file(const Fd& fd, const std::string& path) {
  // Never tried again: after a failed fsync the kernel may have dropped the dirty pages and would report success.
  if (::fsync(fd.get()) != 0) {
    throw io_error("cannot sync", path, errno);
  }
}

void sync_directory(const std::string& path) { sync_directory(open_file(path, O_RDONLY | O_DIRECTORY), path); }

void sync_directory(const Fd& directory, const std::string& path) {
  if (::fsync(directory.get()) != 0 && errno != EINVAL) {
    throw io_error("cannot sync directory", path, errno);
  }
}

Bytes read_file(const std::string& path, std::uint64_t limit) {
  const Fd fd = open_file(path, O_RDONLY);
  limit = std::min(limit, std::numeric_limits<std::uint64_t>::max() - 1);
  // The size is only where to begin: files below /proc say 0, and a file may grow meanwhile.
  Bytes content(static_cast<std::size_t>(std::min(file_size(fd, path), limit)) + 1);
  std::size_t filled = 0;
  while (true) {
    filled += read_at(fd, filled, MutableByteView(content).subspan(filled), path);
    if (filled > limit) {
      throw Error(ErrorKind::failed, "file is larger than expected").with("path", path).with("limit", limit);
    }
    if (filled < content.size()) {
      content.resize(filled);
      return content;
    }
    content.resize(static_cast<std::size_t>(std::min<std::uint64_t>(content.size() * 2 + 4096, limit + 1)));
  }
}

void make_directories(const std::string& path, unsigned mode) {
  // Ends as soon as nobody removes a directory between our making it and our making the one below.
  for (int tries = 0; tries < 1000; ++tries) {
    std::vector<std::string> made;
    if (make_chain(path, mode, made) && sync_parents(made)) {
      return;
    }
  }
  throw io_error("cannot make directory", path, ENOENT);
}

}  // namespace pgrecall
