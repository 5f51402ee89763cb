#include "store/pending_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace {
constexpr unsigned file_mode = 0640;
// Small pieces are joined up to this, so that a body of many of them does not cost a system call each.
constexpr std::size_t join_below = std::size_t{256} << 10U;
// How much is written before the kernel is told to start moving it to the device: the final fsync then waits for little.
constexpr std::uint64_t writeback_step = std::uint64_t{8} << 20U;

std::string link_of(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

bool no_unnamed_files(int errno_value) { return errno_value == EOPNOTSUPP || errno_value == EISDIR || errno_value == EINVAL; }

// An empty Fd where the file system or a missing /proc make unnamed files of no use.
Fd open_unnamed(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, file_mode));
  if (!fd && !no_unnamed_files(errno)) {
    throw io_error("cannot make a file", directory, errno);
  }
  if (fd && ::access(link_of(fd).c_str(), F_OK) != 0) {
    fd.reset();
  }
  return fd;
}

class PieceWriter {
 public:
  PieceWriter(const Fd& fd, const std::string& path) : fd_(fd), path_(path) {}

  void add(ByteView piece) {
    if (joined_.size() + piece.size() < join_below) {
      joined_.insert(joined_.end(), piece.begin(), piece.end());
      return;
    }
    flush();
    write(piece);
  }
  void flush() {
    write(joined_);
    joined_.clear();
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  void write(ByteView bytes) {
    write_all(fd_, bytes, path_);
    written_ += bytes.size();
    if (written_ - started_ >= writeback_step) {
      // Advice only: what it cannot do, the fsync at the end does and reports.
      (void)::sync_file_range(fd_.get(), static_cast<off_t>(started_), static_cast<off_t>(written_ - started_),
                              SYNC_FILE_RANGE_WRITE);
      started_ = written_;
    }
  }

  const Fd& fd_;
  const std::string& path_;
  Bytes joined_;
  std::uint64_t written_ = 0;
  std::uint64_t started_ = 0;
};

PublishResult publish_result(const std::string& path, int errno_value) {
  switch (errno_value) {
    case EEXIST: return PublishResult::already_exists;
    case ENOENT: return PublishResult::directory_missing;
    case EXDEV:
      throw Error(ErrorKind::failed, "a directory of the store is on another file system than its root",
                  "keep the whole repository on one file system, without links to others")
          .with("path", path);
    default: throw io_error("cannot give an object its name", path, errno_value);
  }
}
}  // namespace

PendingFile::PendingFile(const std::string& directory, Naming naming) : shown_(directory) {
  if (naming == Naming::unnamed_if_possible) {
    fd_ = open_unnamed(directory);
  }
  if (!fd_) {
    open_named(directory);
  }
  inherit_owner(fd_, directory);
}

PendingFile::~PendingFile() {
  if (!name_.empty()) {
    // If this fails the file stays for remove_leftovers(); the error that led here is the one to tell.
    (void)::unlink(name_.c_str());
  }
}

void PendingFile::open_named(const std::string& directory) {
  const std::string path = directory + "/" + std::string(prefix) + random_hex(16);
  fd_ = open_file(path, O_CREAT | O_EXCL | O_WRONLY, file_mode);
  name_ = path;
  // Where locks do not work, age alone decides what is left over.
  (void)::flock(fd_.get(), LOCK_SH | LOCK_NB);
}

void PendingFile::fill(const ObjectBody& body) {
  PieceWriter writer(fd_, shown_);
  body.for_each_piece([&](ByteView piece) { writer.add(piece); });
  writer.flush();
  if (writer.written() != body.size()) {
    throw Error(ErrorKind::failed, "object is not as long as announced")
        .with("expected", body.size())
        .with("found", writer.written());
  }
  sync_file(fd_, shown_);
}

PublishResult PendingFile::publish(const std::string& path) {
  if (!name_.empty()) {
    return rename_without_replacing(path);
  }
  if (::linkat(AT_FDCWD, link_of(fd_).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return publish_result(path, errno);
  }
  return PublishResult::published;
}

PublishResult PendingFile::rename_without_replacing(const std::string& path) {
  if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    name_.clear();
    return PublishResult::published;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return publish_result(path, errno);
  }
  // File systems without RENAME_NOREPLACE (NFS among them) refuse a taken name in link(2); the first name goes with *this.
  if (::link(name_.c_str(), path.c_str()) != 0) {
    return publish_result(path, errno);
  }
  return PublishResult::published;
}

void PendingFile::publish_over(const std::string& path) {
  if (::rename(name_.c_str(), path.c_str()) != 0) {
    throw io_error("cannot replace", path, errno);
  }
  name_.clear();
}

}  // namespace pgrecall
