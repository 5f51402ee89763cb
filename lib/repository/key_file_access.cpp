#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "io/fd.h"
#include "repository/key_ring.h"

// Key files on disk: read, and made when a repository is.

namespace pgrecall {

namespace {

constexpr std::uint64_t max_key_file_size = 4096;  // bytes

std::optional<KeyFile> read_if_there(const std::string& path) {
  if (path.empty()) {
    return std::nullopt;
  }
  const Fd fd = open_existing(path, O_RDONLY);
  if (!fd) {
    return std::nullopt;
  }
  // One byte more than allowed, so that a file that is too long is not taken for its beginning.
  std::string text(max_key_file_size + 1, '\0');
  text.resize(read_at(fd, 0, MutableByteView(reinterpret_cast<std::byte*>(text.data()), text.size()), path));
  return parse_key_file(Secret(std::move(text)), path);
}

// Whole under its name, or not there at all: a key file cut short by a crash would look like damage.
void write_new_file(const std::string& path, const Secret& text) {
  const std::string directory = std::filesystem::absolute(path).parent_path().string();
  make_directories(directory, 0700);
  const std::string draft = path + ".new";
  {
    const Fd fd = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(fd, bytes_of(text.reveal()), draft);
    sync_file(fd, draft);
  }
  // link(2) does not overwrite a key that somebody else made meanwhile, as rename(2) would.
  const int linked = ::link(draft.c_str(), path.c_str());
  const int problem = errno;
  ::unlink(draft.c_str());
  if (linked != 0 && problem != EEXIST) {
    throw io_error("cannot make the key file", path, problem);
  }
  sync_directory(directory);
}

}  // namespace

KeyFile read_key_file(const std::string& path) {
  auto file = read_if_there(path);
  if (!file) {
    throw Error(ErrorKind::wrong_key, "there is no key file", "restore it from where you keep its copy").with("key_file", path);
  }
  return *file;
}

KeyFile read_or_make_key_file(const std::string& path) {
  if (auto file = read_if_there(path)) {
    return *file;
  }
  write_new_file(path, format_key_file({KeyFileKind::wrapping, Key::random()}));
  return read_key_file(path);
}

}  // namespace pgrecall
