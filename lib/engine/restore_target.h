#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "io/fd.h"

namespace pgrecall {

// User and group that own what is restored.
struct FileOwner {
  std::string user;  // for people
  uid_t uid = 0;
  gid_t gid = 0;
  // Only root may give files away; others own what they make.
  enum class Apply { no, yes } apply = Apply::no;
};

// Makes files, directories and links of one restored tree with the right owner and mode. Paths are absolute. Safe for many
// threads.
class RestoreTarget {
 public:
  explicit RestoreTarget(FileOwner owner) : owner_(std::move(owner)) {}

  // Makes it and its missing parents; mode and owner of an existing one are set.
  void make_directory(const std::string& path, std::uint32_t mode) const;
  // Opens for reading and writing; what stands there and is no regular file is removed first.
  [[nodiscard]] Fd open_for_writing(const std::string& path, std::uint32_t mode) const;
  // A file of these bytes, synced, put in place by rename.
  void replace_file(const std::string& path, std::uint32_t mode, ByteView bytes) const;
  void make_link(const std::string& path, const std::string& target) const;

 private:
  void own(const Fd& fd, const std::string& path) const;

  FileOwner owner_;
};

// syncfs(2): everything written to the file system of `path` is durable.
void sync_file_system(const std::string& path);

// Hashes of the paths that belong into a tree; whatever else is there is removed by --delta. 8 bytes a path.
class PathSet {
 public:
  void add(std::string_view path);
  // Call once after the last add().
  void seal();
  [[nodiscard]] bool contains(std::string_view path) const;

 private:
  std::vector<std::uint64_t> hashes_;
};

// Removes every file, link and directory below `root` whose path (`prefix` and its path below root) is not in `keep`. Does not
// follow links.
void remove_others(const std::string& root, const std::string& prefix, const PathSet& keep);

// Size of all regular files below; 0 when there is no such directory. Does not follow links.
[[nodiscard]] std::uint64_t tree_size(const std::string& root);

}  // namespace pgrecall
