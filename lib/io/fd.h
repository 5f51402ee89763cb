#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace pgrecall {

// Owns one file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// system_error() with passing() set where the same call may succeed a little later: a full disk, an I/O or network error.
[[nodiscard]] Error io_error(std::string_view message, std::string_view path, int errno_value);

// open(2) with O_CLOEXEC; throws io_error() naming `path`.
[[nodiscard]] Fd open_file(const std::string& path, int flags, unsigned mode = 0600);
// As open_file, but an absent file (ENOENT, ENOTDIR) is an empty Fd.
[[nodiscard]] Fd open_existing(const std::string& path, int flags);

// All of these retry on EINTR and short counts and throw io_error() naming `path`.
void write_all(const Fd& fd, ByteView bytes, const std::string& path);
void write_all_at(const Fd& fd, ByteView bytes, std::uint64_t offset, const std::string& path);
// Reads until `out` is full or the file ends; returns the bytes read.
[[nodiscard]] std::size_t read_at(const Fd& fd, std::uint64_t offset, MutableByteView out, const std::string& path);
[[nodiscard]] std::uint64_t file_size(const Fd& fd, const std::string& path);
void sync_file(const Fd& fd, const std::string& path);
// fsync of a directory, so that names made or renamed in it survive power loss. File systems that cannot do that (EINVAL: some
// network and FUSE ones) are taken to keep names by themselves.
void sync_directory(const std::string& path);
void sync_directory(const Fd& directory, const std::string& path);

// For root, in a directory of somebody else's: gives the file to that one and its group, who could not use it otherwise. Nothing
// for others, and where it cannot be done.
void inherit_owner(const Fd& fd, const std::string& directory);

// The whole file, or an Error of kind `failed` when it is larger than `limit`.
[[nodiscard]] Bytes read_file(const std::string& path, std::uint64_t limit);
// mkdir -p: each missing directory is made with `mode` and synced into its parent. Others may make or remove empty directories
// on the way at the same time. What root makes gets the owner of the directory above, as inherit_owner() says.
void make_directories(const std::string& path, unsigned mode);

}  // namespace pgrecall
