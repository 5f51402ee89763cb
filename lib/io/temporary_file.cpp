#include "io/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.h"

namespace pgrecall {

namespace {
std::string default_directory() {
  const char* configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/var/tmp";
}

// What open(2) answers where the kernel or the file system knows no O_TMPFILE.
bool no_unnamed_files(int errno_value) { return errno_value == EOPNOTSUPP || errno_value == EISDIR || errno_value == EINVAL; }

Fd open_unnamed(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (fd || !no_unnamed_files(errno)) {
    return fd;
  }
  std::string path = directory + "/pgrecall-XXXXXX";
  fd = Fd(::mkostemp(path.data(), O_CLOEXEC));
  if (fd && ::unlink(path.c_str()) != 0) {
    throw io_error("cannot unlink temporary file", path, errno);
  }
  return fd;
}
}  // namespace

TemporaryFile::TemporaryFile(const std::string& directory)
    : path_(directory.empty() ? default_directory() : directory), fd_(open_unnamed(path_)) {
  if (!fd_) {
    throw io_error("cannot make a temporary file", path_, errno);
  }
}

void TemporaryFile::append(ByteView bytes) {
  write_all_at(fd_, bytes, size_, path_);
  size_ += bytes.size();
}

void TemporaryFile::read(std::uint64_t offset, MutableByteView out) const {
  const std::size_t count = read_at(fd_, offset, out, path_);
  if (count != out.size()) {
    throw Error(ErrorKind::failed, "temporary file ends too early")
        .with("path", path_)
        .with("offset", offset)
        .with("expected", out.size())
        .with("found", count);
  }
}

void TemporaryFile::truncate() {
  if (::ftruncate(fd_.get(), 0) != 0) {
    throw io_error("cannot empty temporary file", path_, errno);
  }
  size_ = 0;
}

}  // namespace pgrecall
