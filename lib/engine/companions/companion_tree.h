#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/companions/companion.h"

namespace pgrecall {

// Gathers the entries of one companion, in whatever order they come. Paths are relative to its folder; of two entries of one path
// the later one counts, as in a tar archive.
class CompanionTree {
 public:
  // `companion` gets content at once, entries and warnings by finish().
  explicit CompanionTree(GatheredCompanion& companion) : companion_(companion) {}

  void add_directory(const std::string& path, std::uint32_t mode, std::int64_t mtime);
  void add_link(const std::string& path, const std::string& target, std::int64_t mtime);
  // Its bytes follow by append(), until end_file().
  void begin_file(const std::string& path, std::uint32_t mode, std::int64_t mtime);
  void append(ByteView bytes) { companion_.content.append(bytes); }
  void end_file();
  // What was read of the file is forgotten, to be read once more.
  void begin_file_again();
  // A second name of a file that came before: its content. Error{failed} when there is no such file.
  void add_same_file(const std::string& path, const std::string& other);
  // Says what is not as it should be: "pipe is a named pipe, and was left out".
  void warn(std::string warning);

  // Error{failed} when something stands under what is no directory. Directories that did not come are made up.
  void finish();

 private:
  void add(CompanionEntry entry);
  void make_up_parents();

  GatheredCompanion& companion_;
  std::map<std::string, CompanionEntry, std::less<>> entries_;
  CompanionEntry file_;  // the one that append() belongs to
  std::uint64_t more_warnings_ = 0;
};

}  // namespace pgrecall
