#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace pgrecall {

// The tar archives of BASE_BACKUP: POSIX.1-1988 ustar as src/port/tar.c writes it, with sizes beyond 8 GiB in base 256 and
// no extension records. PostgreSQL 15 and newer end an
// archive with two blocks of zeros, 13 and 14 just end.

enum class TarEntryType { file, directory, symlink };

struct TarEntry {
  // Relative, without "./" before and "/" behind; never empty, never with "..", "." or empty components. Raw bytes.
  std::string path;
  TarEntryType type = TarEntryType::file;
  std::uint64_t size = 0;  // bytes of data that follow; 0 unless it is a file
  std::uint32_t mode = 0;  // permission bits, 07777
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::chrono::sys_seconds mtime{};
  std::string link_target;  // symlinks only
};

// Takes what a TarReader finds: on_entry, then for files on_data until `size` bytes came (none for an empty file), then
// on_entry_end. What it throws passes through the reader's feed(), which must not be used any more afterwards.
class TarSink {
 public:
  virtual ~TarSink() = default;
  virtual void on_entry(const TarEntry& entry) = 0;
  // A view into what was fed, good until feed() returns. Never empty.
  virtual void on_data(ByteView data) = 0;
  virtual void on_entry_end() = 0;
};

// Reads an archive that comes in pieces of any size. Data is passed on without copying; memory is one header.
// Malformed headers, wrong header checksums, paths that would leave the target directory, unknown entry types and
// anything but zeros behind the end are Errors of kind corruption, with the offset in the archive. One thread at a time.
class TarReader {
 public:
  // `sink` must outlive the reader.
  explicit TarReader(TarSink& sink) : sink_(sink) {}
  void feed(ByteView bytes);
  // The archive is complete. Error of kind corruption when it ends within an entry or a header.
  void finish();
  // Bytes fed so far.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

 private:
  enum class State { header, data, padding, end };

  ByteView take_header(ByteView bytes);
  ByteView take_data(ByteView bytes);
  ByteView take_padding(ByteView bytes);
  ByteView take_end(ByteView bytes);
  void read_header(ByteView header);

  TarSink& sink_;
  State state_ = State::header;
  std::uint64_t offset_ = 0;
  std::uint64_t remaining_ = 0;  // of data
  std::uint32_t padding_ = 0;    // after the data
  std::size_t buffered_ = 0;     // bytes of a header that came in pieces
  std::array<std::byte, 512> header_{};
};

}  // namespace pgrecall
