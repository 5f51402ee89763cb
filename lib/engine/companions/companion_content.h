#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "io/temporary_file.h"

namespace pgrecall {

// The bytes of a companion's files, one behind the other. In memory as long as they are few, so that keys from other hosts are
// not written to a disk here; then in a temporary file.
class CompanionContent {
 public:
  CompanionContent() = default;
  // Bytes at most.
  CompanionContent(std::string spool_directory, std::uint64_t limit)
      : spool_directory_(std::move(spool_directory)), limit_(limit) {}

  // Error{failed} beyond the limit.
  void append(ByteView bytes);
  // Forgets what lies behind the first `size` bytes.
  void cut(std::uint64_t size);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // Reads exactly out.size() bytes.
  void read(std::uint64_t offset, MutableByteView out) const;

 private:
  void spill();

  std::string spool_directory_;
  std::uint64_t limit_ = 0;
  std::uint64_t size_ = 0;
  Bytes memory_;
  std::optional<TemporaryFile> file_;
};

}  // namespace pgrecall
