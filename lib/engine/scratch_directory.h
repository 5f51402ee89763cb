#pragma once

#include <string>
#include <vector>

#include "engine/restore_target.h"
#include "io/fd.h"

namespace pgrecall {

// A directory for one copy of a cluster that lives no longer than the work on it: <parent>/<8 hexadecimal digits>. It belongs to
// the user who will run the copy's server, and is closed to others. A marker file in it holds a lock as long as this object
// lives; so whoever finds one that nobody holds knows that its owner is dead, and removes it: clean_scratch().
class ScratchDirectory {
 public:
  // Makes `parent` too, where it is missing. `purpose` is for people: "drill of prod". The files belong to the owner of
  // `parent`, or, when that is root, to postgres. Errors: system_error().
  ScratchDirectory(const std::string& parent, const std::string& purpose);
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  // Removes it, as far as that goes; the next clean_scratch() does the rest.
  ~ScratchDirectory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const FileOwner& owner() const noexcept { return owner_; }
  [[nodiscard]] std::string data() const { return path_ + "/data"; }
  [[nodiscard]] std::string tablespaces() const { return path_ + "/tablespaces"; }
  [[nodiscard]] std::string sockets() const { return path_ + "/socket"; }
  [[nodiscard]] std::string server_log() const { return path_ + "/server.log"; }

  // Removes it now. Error where that fails.
  void remove();
  // It stays, and nobody removes it.
  void keep();

 private:
  std::string path_;
  FileOwner owner_;
  Fd marker_;  // locked; empty once it is removed or kept
};

// Removes the scratch directories below `parent` whose owners are gone, and ends the servers that still run in them. What has no
// marker of ours, or one that is held, is left alone. Returns the paths of what was removed. A parent that is not there holds
// none. Errors: system_error() where something of ours cannot be removed.
std::vector<std::string> clean_scratch(const std::string& parent);

}  // namespace pgrecall
