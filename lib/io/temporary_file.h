#pragma once

#include <cstdint>
#include <string>

#include "io/fd.h"

namespace pgrecall {

// A file without a name: it vanishes with its descriptor, also after kill -9. For what is too large to hold in memory.
class TemporaryFile {
 public:
  // In `directory`, or in $TMPDIR, else /var/tmp, when that is empty.
  explicit TemporaryFile(const std::string& directory = {});

  void append(ByteView bytes);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] const Fd& fd() const noexcept { return fd_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Reads exactly out.size() bytes.
  void read(std::uint64_t offset, MutableByteView out) const;
  // Empties it for reuse.
  void truncate();

 private:
  std::string path_;  // of the directory, for messages
  Fd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace pgrecall
