#include "store/posix_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/hash.h"
#include "store/posix_listing.h"
#include "store/store_url.h"

namespace pgrecall {

namespace {
constexpr unsigned directory_mode = 0750;
constexpr unsigned lock_file_mode = 0640;
constexpr std::size_t hash_piece = std::size_t{256} << 10U;

std::string directory_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

// The directory or, when others removed it meanwhile, the nearest one above it that is still there.
void sync_nearest(std::string directory) {
  while (true) {
    const Fd fd = open_existing(directory.empty() ? "/" : directory, O_RDONLY | O_DIRECTORY);
    if (fd || directory.empty()) {
      sync_directory(fd, directory);
      return;
    }
    directory = directory_of(directory);
  }
}

// Tells a directory from one made later under the same name: inode numbers are soon used again, times of birth are not.
std::string identity(const Fd& directory, const std::string& path) {
  struct statx status {};
  if (::statx(directory.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) {
    throw io_error("cannot look at directory", path, errno);
  }
  return std::to_string(status.stx_dev_major) + ':' + std::to_string(status.stx_dev_minor) + ':' +
         std::to_string(status.stx_ino) + ':' + std::to_string(status.stx_btime.tv_sec) + '.' +
         std::to_string(status.stx_btime.tv_nsec);
}

class PosixReader final : public ObjectReader {
 public:
  PosixReader(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)), size_(file_size(fd_, path_)) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] std::string version() const override {
    Sha256 hash;
    Bytes buffer(hash_piece);
    std::uint64_t offset = 0;
    while (const std::size_t count = read(offset, buffer)) {
      hash.update(ByteView(buffer).first(count));
      offset += count;
    }
    return hash.finish().to_string();
  }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    return read_at(fd_, offset, out, path_);
  }

 private:
  Fd fd_;
  std::string path_;
  std::uint64_t size_;
};

// Null when there is no regular file.
std::unique_ptr<ObjectReader> open_reader(const std::string& path) {
  Fd fd = open_existing(path, O_RDONLY);
  if (!fd) {
    return nullptr;
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw io_error("cannot look at", path, errno);
  }
  return S_ISREG(status.st_mode) ? std::make_unique<PosixReader>(std::move(fd), path) : nullptr;
}

// False when there is no such file.
bool unlink_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0) {
    return true;
  }
  if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) {
    return false;
  }
  throw io_error("cannot remove", path, errno);
}
}  // namespace

PosixStore::PosixStore(std::string root, const Clock& clock, PendingFile::Naming naming)
    : root_(std::move(root)), clock_(clock), naming_(naming) {}

PutResult PosixStore::put(const std::string& name, const ObjectBody& body) {
  check_object_name(name);
  const std::string path = path_of(name);
  PutResult result = PutResult::already_exists;
  if (!taken(path)) {
    prepare_to_write();
    PendingFile file(temporary_directory(), naming_);
    file.fill(body);
    result = publish(file, path);
  }
  // Also when another put made it: that one may not have come to its own sync yet, and our caller relies on the object now.
  make_durable(directory_of(path));
  return result;
}

PutResult PosixStore::publish(PendingFile& file, const std::string& path) const {
  // A removal may take the directory away again while it is empty, so making it can need more than one try.
  for (int tries = 0; tries < 1000; ++tries) {
    switch (file.publish(path)) {
      case PublishResult::published: return PutResult::created;
      case PublishResult::already_exists:
        if (taken(path)) {
          return PutResult::already_exists;
        }
        break;
      case PublishResult::directory_missing: make_directories(directory_of(path), directory_mode); break;
    }
  }
  throw Error(ErrorKind::failed, "cannot give an object its name: its directory or its file vanishes again and again")
      .with("path", path);
}

bool PosixStore::taken(const std::string& path) const {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return false;
    }
    throw io_error("cannot look at", path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::failed, "an object cannot have the name of a directory or special file").with("path", path);
  }
  return true;
}

void PosixStore::make_durable(const std::string& directory) {
  const Fd fd = open_existing(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    return;  // the object was removed again, and its directory with it
  }
  sync_directory(fd, directory);
  std::string found = identity(fd, directory);
  {
    const std::lock_guard lock(mutex_);
    const auto known = durable_directories_.find(directory);
    if (known != durable_directories_.end() && known->second == found) {
      return;
    }
  }
  // Another process may have made the directory a moment ago and not yet synced its name.
  for (std::string above = directory; above.size() > root_.size();) {
    above = directory_of(above);
    if (const Fd parent = open_existing(above, O_RDONLY | O_DIRECTORY)) {
      sync_directory(parent, above);
    }
  }
  const std::lock_guard lock(mutex_);
  durable_directories_[directory] = std::move(found);
}

std::unique_ptr<ObjectReader> PosixStore::open(const std::string& name) {
  check_object_name(name);
  return open_reader(path_of(name));
}

void PosixStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  list_files(root_, prefix, visit);
}

void PosixStore::prepare_to_write() const {
  // The lock is made with the first object, not with the first removal: removing must work on a disk without a free inode.
  if (::access(lock_path().c_str(), F_OK) != 0) {
    make_directories(temporary_directory(), directory_mode);
    inherit_owner(open_file(lock_path(), O_CREAT | O_RDWR, lock_file_mode), temporary_directory());
  }
}

Fd PosixStore::lock() const {
  prepare_to_write();
  Fd fd = open_file(lock_path(), O_RDWR);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      throw io_error("cannot lock", lock_path(), errno);
    }
  }
  return fd;
}

bool PosixStore::remove(const std::string& name) {
  check_object_name(name);
  const std::string path = path_of(name);
  if (open_reader(path) == nullptr) {
    return false;
  }
  {
    // Without it, a replace() that has just looked at the object would bring it back.
    const Fd locked = lock();
    if (!unlink_file(path)) {
      return false;
    }
  }
  finish_removal(path);
  return true;
}

void PosixStore::finish_removal(const std::string& path) {
  std::string directory = directory_of(path);
  sync_nearest(directory);
  // Tidiness only: a directory that cannot go (in use, no permission) does no harm.
  while (directory.size() > root_.size() && ::rmdir(directory.c_str()) == 0) {
    directory = directory_of(directory);
  }
}

ReplaceResult PosixStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  check_object_name(name);
  const std::string path = path_of(name);
  if (open_reader(path) == nullptr) {
    return ReplaceResult::missing;
  }
  prepare_to_write();
  PendingFile file(temporary_directory(), PendingFile::Naming::named);
  file.fill(body);
  {
    const Fd locked = lock();
    const std::unique_ptr<ObjectReader> current = open_reader(path);
    if (current == nullptr || current->version() != version) {
      return current == nullptr ? ReplaceResult::missing : ReplaceResult::changed;
    }
    file.publish_over(path);
  }
  make_durable(directory_of(path));
  return ReplaceResult::replaced;
}

ReplaceResult PosixStore::remove_version(const std::string& name, const std::string& version) {
  check_object_name(name);
  const std::string path = path_of(name);
  if (open_reader(path) == nullptr) {
    return ReplaceResult::missing;
  }
  {
    const Fd locked = lock();
    const std::unique_ptr<ObjectReader> current = open_reader(path);
    if (current == nullptr || current->version() != version) {
      return current == nullptr ? ReplaceResult::missing : ReplaceResult::changed;
    }
    if (!unlink_file(path)) {
      return ReplaceResult::missing;
    }
  }
  finish_removal(path);
  return ReplaceResult::replaced;
}

std::uint64_t PosixStore::remove_leftovers(std::chrono::seconds age) {
  std::uint64_t freed = 0;
  for_each_file(temporary_directory(), [&](const std::string& path, const FileStatus& status) {
    const std::string_view file = std::string_view(path).substr(path.find_last_of('/') + 1);
    if (!file.starts_with(PendingFile::prefix) || clock_.now() - status.modified <= age) {
      return;
    }
    // A slow put still holds its lock however old its file is.
    const Fd fd = open_existing(path, O_RDONLY);
    if (fd && (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && unlink_file(path)) {
      freed += status.size;
    }
  });
  return freed;
}

std::optional<StoreSpace> PosixStore::space() {
  std::string path = root_;
  struct statvfs status {};
  while (::statvfs(path.empty() ? "/" : path.c_str(), &status) != 0) {
    if (errno != ENOENT || path.empty()) {
      throw io_error("cannot ask for free space", path, errno);
    }
    path = directory_of(path);
  }
  return StoreSpace{std::uint64_t{status.f_blocks} * status.f_frsize, std::uint64_t{status.f_bavail} * status.f_frsize};
}

std::string PosixStore::address() const { return file_url(root_); }

}  // namespace pgrecall
