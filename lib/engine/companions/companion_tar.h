#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "engine/companions/companion_tree.h"
#include "postgres/tar_fields.h"

namespace pgrecall {

// Reads what tar programs of all kinds write: ustar, GNU tar's and busybox's, and POSIX.1-2001 (pax) archives, as they come.
// Links stay links; devices and pipes are left out with a warning. Malformed archives, and paths that lead out of the companion's
// folder, are Errors that end it.
class CompanionTar {
 public:
  // `tree` must outlive the reader; finish() of it is the caller's.
  explicit CompanionTar(CompanionTree& tree) : tree_(tree) {}
  void feed(ByteView bytes);
  // Error{corruption} when the archive ends too early, or was none: tar ends one with zeros.
  void finish() const;

 private:
  enum class Part { header, file, extension, skipped, padding, end };

  ByteView take_header(ByteView bytes);
  ByteView take_data(ByteView bytes);
  void read_header(ByteView header);
  void begin_entry(ByteView header, char type, const std::string& path);
  void end_data();
  void read_pax();
  [[nodiscard]] std::string path_of(ByteView header) const;
  [[nodiscard]] std::string target_of(ByteView header) const;
  [[nodiscard]] std::uint64_t size_of(ByteView header) const;
  [[nodiscard]] std::int64_t mtime_of(ByteView header) const;
  // What an extension header said of the next entry, by pax's names; null when nothing did.
  [[nodiscard]] const std::string* said(const std::string& key) const;

  CompanionTree& tree_;
  Part part_ = Part::header;
  std::array<std::byte, tar_block_size> header_{};
  std::size_t buffered_ = 0;     // bytes of a header that came in pieces
  std::uint64_t remaining_ = 0;  // of an entry's data, or of the padding behind it
  std::uint32_t padding_ = 0;
  char extension_type_ = 0;
  std::string extension_;
  std::map<std::string, std::string> said_;
};

}  // namespace pgrecall
