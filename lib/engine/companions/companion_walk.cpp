#include "engine/companions/companion_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>

#include "base/error.h"
#include "io/fd.h"

namespace pgrecall {

namespace {

constexpr unsigned deepest = 100;  // directories, each of which is held open
constexpr std::size_t read_from_file = 256U << 10U;
constexpr int most_tries = 3;
constexpr int for_reading = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::vector<std::string> names_in(const Fd& directory, const std::string& path) {
  const int copy = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, CloseDirectory> opened(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!opened) {
    throw system_error("cannot read the directory", path, errno);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const struct dirent* entry = ::readdir(opened.get())) {  // NOLINT(concurrency-mt-unsafe): a stream of its own
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  if (errno != 0) {
    throw system_error("cannot read the directory", path, errno);
  }
  std::sort(names.begin(), names.end());
  return names;
}

const char* kind_of_mode(mode_t mode) { return S_ISSOCK(mode) ? "a socket" : S_ISFIFO(mode) ? "a named pipe" : "a device"; }

// Whether somebody wrote to the file between the two.
bool same_state(const struct stat& a, const struct stat& b) {
  const auto state = [](const struct stat& of) {
    return std::tuple(of.st_size, of.st_mtim.tv_sec, of.st_mtim.tv_nsec, of.st_ctim.tv_sec, of.st_ctim.tv_nsec);
  };
  return state(a) == state(b);
}

class CompanionWalk {
 public:
  CompanionWalk(std::string root, CompanionTree& tree, const std::function<void()>& go_on)
      : root_(std::move(root)), tree_(tree), go_on_(go_on) {}

  void walk_root();

 private:
  void walk_directory(const Fd& directory, const std::string& path, unsigned depth);
  void look_at(const Fd& directory, const std::string& name, const std::string& path, unsigned depth);
  enum class [[nodiscard]] Taken{yes, replaced};
  Taken take(const Fd& directory, const std::string& name, const std::string& path, unsigned depth);
  Taken take_link(const Fd& directory, const std::string& name, const std::string& path, std::int64_t mtime);
  void read_file(const Fd& file, const std::string& path);
  // As the user knows it.
  [[nodiscard]] std::string shown(const std::string& path) const { return path.empty() ? root_ : root_ + "/" + path; }
  [[nodiscard]] struct stat state_of(const Fd& fd, const std::string& path) const;
  [[nodiscard]] MutableByteView wanted(std::uint64_t bytes) {
    return MutableByteView(buffer_).first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, buffer_.size())));
  }

  const std::string root_;
  CompanionTree& tree_;
  const std::function<void()>& go_on_;
  Bytes buffer_ = Bytes(read_from_file);
};

struct stat CompanionWalk::state_of(const Fd& fd, const std::string& path) const {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw system_error("cannot look at it", shown(path), errno);
  }
  return status;
}

void CompanionWalk::walk_root() {
  const Fd opened(::open(root_.c_str(), for_reading));
  if (!opened) {
    throw system_error("cannot read it", root_, errno);
  }
  const struct stat status = state_of(opened, "");
  if (S_ISDIR(status.st_mode)) {
    tree_.add_directory("", status.st_mode, status.st_mtim.tv_sec);
    walk_directory(opened, "", 0);
  } else if (S_ISREG(status.st_mode)) {
    const std::string name = root_.substr(root_.rfind('/') + 1);
    tree_.begin_file(name, status.st_mode, status.st_mtim.tv_sec);
    read_file(opened, name);
    tree_.end_file();
  } else {
    throw Error(ErrorKind::failed, std::string("it is ") + kind_of_mode(status.st_mode) + ", and neither file nor directory")
        .with("path", root_);
  }
}

void CompanionWalk::walk_directory(const Fd& directory, const std::string& path, unsigned depth) {
  if (depth > deepest) {
    throw Error(ErrorKind::failed, "directories lie too deep in each other").with("path", shown(path));
  }
  for (const std::string& name : names_in(directory, shown(path))) {
    go_on_();
    look_at(directory, name, path.empty() ? name : path + "/" + name, depth);
  }
}

void CompanionWalk::look_at(const Fd& directory, const std::string& name, const std::string& path, unsigned depth) {
  for (int tries = 0; tries < most_tries; ++tries) {
    if (take(directory, name, path, depth) == Taken::yes) {
      return;
    }
  }
  tree_.warn(shown(path) + " was replaced again and again while it was read, and was left out");
}

// What is removed meanwhile is not there. What is replaced by something of another kind has to be looked at again.
CompanionWalk::Taken CompanionWalk::take(const Fd& directory, const std::string& name, const std::string& path, unsigned depth) {
  struct stat status {};
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return Taken::yes;
    }
    throw system_error("cannot look at it", shown(path), errno);
  }
  if (S_ISLNK(status.st_mode)) {
    return take_link(directory, name, path, status.st_mtim.tv_sec);
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    tree_.warn(shown(path) + " is " + kind_of_mode(status.st_mode) + ", and was left out");
    return Taken::yes;
  }
  const Fd opened(::openat(directory.get(), name.c_str(), for_reading | O_NOFOLLOW));
  if (!opened) {
    if (errno == ENOENT || errno == ELOOP || errno == ENXIO) {
      return Taken::replaced;
    }
    throw system_error("cannot read it", shown(path), errno);
  }
  status = state_of(opened, path);
  if (S_ISDIR(status.st_mode)) {
    tree_.add_directory(path, status.st_mode, status.st_mtim.tv_sec);
    walk_directory(opened, path, depth + 1);
  } else if (S_ISREG(status.st_mode)) {
    tree_.begin_file(path, status.st_mode, status.st_mtim.tv_sec);
    read_file(opened, path);
    tree_.end_file();
  } else {
    return Taken::replaced;
  }
  return Taken::yes;
}

CompanionWalk::Taken CompanionWalk::take_link(const Fd& directory, const std::string& name, const std::string& path,
                                              std::int64_t mtime) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(directory.get(), name.c_str(), target.data(), target.size());
  if (length < 0) {
    if (errno == ENOENT || errno == EINVAL) {
      return Taken::replaced;
    }
    throw system_error("cannot read the link", shown(path), errno);
  }
  target.resize(static_cast<std::size_t>(length));
  tree_.add_link(path, target, mtime);
  return Taken::yes;
}

void CompanionWalk::read_file(const Fd& file, const std::string& path) {
  for (int tries = 1;; ++tries) {
    const struct stat before = state_of(file, path);
    // A file that grows is not chased. Those of the kernel's own say that they have no bytes.
    const auto size = static_cast<std::uint64_t>(before.st_size);
    const std::uint64_t until = size == 0 ? UINT64_MAX : size;
    std::uint64_t at = 0;
    while (const std::size_t count = read_at(file, at, wanted(until - at), shown(path))) {
      tree_.append(ByteView(buffer_).first(count));
      at += count;
      go_on_();
    }
    if (same_state(before, state_of(file, path)) && (at == size || size == 0)) {
      return;
    }
    if (tries == most_tries) {
      tree_.warn(shown(path) +
                 " was being written to while it was read: what is kept of it may be neither its old nor its new state");
      return;
    }
    tree_.begin_file_again();
  }
}

}  // namespace

void walk_companion(const std::string& path, CompanionTree& tree, const std::function<void()>& go_on) {
  CompanionWalk(path, tree, go_on).walk_root();
}

}  // namespace pgrecall
