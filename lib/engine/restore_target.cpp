#include "engine/restore_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {
std::uint64_t path_hash(std::string_view path) { return load_little<std::uint64_t>(sha256(bytes_of(path)).bytes.data()); }
}  // namespace

void RestoreTarget::own(const Fd& fd, const std::string& path) const {
  if (owner_.apply == FileOwner::Apply::yes && ::fchown(fd.get(), owner_.uid, owner_.gid) != 0) {
    throw system_error("cannot set the owner", path, errno);
  }
}

void RestoreTarget::make_directory(const std::string& path, std::uint32_t mode) const {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    if (errno != ENOENT) {
      throw system_error("cannot make the directory", path, errno);
    }
    const std::string parent = fs::path(path).parent_path();
    make_directories(parent, 0755);
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
      throw system_error("cannot make the directory", path, errno);
    }
  }
  const Fd fd = open_file(path, O_RDONLY | O_DIRECTORY);
  own(fd, path);
  if (::fchmod(fd.get(), mode) != 0) {
    throw system_error("cannot set the mode", path, errno);
  }
}

Fd RestoreTarget::open_for_writing(const std::string& path, std::uint32_t mode) const {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    fs::remove_all(path);
  }
  Fd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode);
  own(fd, path);
  if (::fchmod(fd.get(), mode) != 0) {
    throw system_error("cannot set the mode", path, errno);
  }
  return fd;
}

void RestoreTarget::replace_file(const std::string& path, std::uint32_t mode, ByteView bytes) const {
  const std::string temporary = path + ".pgrecall";
  {
    const Fd fd = open_for_writing(temporary, mode);
    if (::ftruncate(fd.get(), 0) != 0) {
      throw system_error("cannot empty the file", temporary, errno);
    }
    write_all(fd, bytes, temporary);
    sync_file(fd, temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    throw system_error("cannot rename the file into place", path, errno);
  }
  sync_directory(fs::path(path).parent_path());
}

void RestoreTarget::make_link(const std::string& path, const std::string& target) const {
  std::error_code ignored;
  if (fs::read_symlink(path, ignored) == target) {
    return;
  }
  fs::remove_all(path);
  if (::symlink(target.c_str(), path.c_str()) != 0) {
    throw system_error("cannot make the link", path, errno);
  }
  if (owner_.apply == FileOwner::Apply::yes && ::lchown(path.c_str(), owner_.uid, owner_.gid) != 0) {
    throw system_error("cannot set the owner", path, errno);
  }
}

void sync_file_system(const std::string& path) {
  const Fd fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (::syncfs(fd.get()) != 0) {
    throw system_error("cannot sync the file system", path, errno);
  }
}

void PathSet::add(std::string_view path) { hashes_.push_back(path_hash(path)); }

void PathSet::seal() { std::sort(hashes_.begin(), hashes_.end()); }

bool PathSet::contains(std::string_view path) const {
  return std::binary_search(hashes_.begin(), hashes_.end(), path_hash(path));
}

void remove_others(const std::string& root, const std::string& prefix, const PathSet& keep) {
  std::vector<fs::path> others;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::recursive_directory_iterator(); ++at) {
    const std::string path = prefix + at->path().string().substr(root.size() + 1);
    if (!keep.contains(path)) {
      others.push_back(at->path());
      at.disable_recursion_pending();
    }
  }
  for (const fs::path& path : others) {
    fs::remove_all(path);
  }
}

std::uint64_t tree_size(const std::string& root) {
  std::error_code missing;
  std::uint64_t size = 0;
  for (auto at = fs::recursive_directory_iterator(root, missing); !missing && at != fs::recursive_directory_iterator();
       at.increment(missing)) {
    if (at->is_regular_file(missing) && !at->is_symlink(missing)) {
      size += at->file_size(missing);
    }
  }
  return size;
}

}  // namespace pgrecall
