#include "engine/running_servers.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

using DirectoryId = std::pair<dev_t, ino_t>;

std::optional<DirectoryId> id_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return DirectoryId{status.st_dev, status.st_ino};
}

bool is_server(const fs::path& process) {
  std::string name;
  std::getline(std::ifstream(process / "comm"), name);
  return name == "postgres" || name == "postmaster";
}

// Servers change into their data directory, and their children stay there.
std::vector<DirectoryId> directories_of(const std::string& data_directory) {
  std::vector<DirectoryId> ids;
  const auto add = [&](const std::string& path) {
    if (const auto id = id_of(path)) {
      ids.push_back(*id);
    }
  };
  add(data_directory);
  add(data_directory + "/pg_wal");
  std::error_code error;
  for (auto at = fs::directory_iterator(data_directory + "/pg_tblspc", error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    add(at->path().string());
  }
  return ids;
}

std::vector<DirectoryId> with_ancestors(const std::string& directory) {
  std::vector<DirectoryId> ids;
  std::error_code error;
  fs::path path = fs::canonical(directory, error);
  while (!error && !path.empty()) {
    if (const auto id = id_of(path.string())) {
      ids.push_back(*id);
    }
    if (path == path.root_path()) {
      break;
    }
    path = path.parent_path();
  }
  return ids;
}

}  // namespace

std::optional<RunningServer> server_that_uses(const std::string& directory) {
  const std::vector<DirectoryId> ours = with_ancestors(directory);
  std::error_code error;
  for (auto at = fs::directory_iterator("/proc", error); !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename();
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    const std::string data_directory = at->path().string() + "/cwd";
    if (pid == 0 || !is_server(at->path()) || !fs::exists(data_directory + "/PG_VERSION", error)) {
      error.clear();
      continue;
    }
    const std::vector<DirectoryId> theirs = directories_of(data_directory);
    if (std::ranges::find_first_of(ours, theirs) != ours.end()) {
      return RunningServer{pid, fs::read_symlink(data_directory, error).string()};
    }
    error.clear();
  }
  return std::nullopt;
}

}  // namespace pgrecall
