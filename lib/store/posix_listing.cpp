#include "store/posix_listing.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.h"

namespace pgrecall {

namespace {
// As long as an object's name can be: also ends a walk through links that lead back up.
constexpr std::size_t longest_listed_name = 512;

bool vanished(int errno_value) { return errno_value == ENOENT || errno_value == ENOTDIR; }

// Calls `visit` with the name of each entry of a directory.
template <typename Visit>
void for_each_entry(const std::string& directory, const Visit& visit) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    visit(entry->path().filename().string());
  }
  if (error && !vanished(error.value())) {
    throw io_error("cannot list directory", directory, error.value());
  }
}

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    return status;
  }
  if (!vanished(errno)) {
    throw io_error("cannot look at", path, errno);
  }
  return std::nullopt;
}

FileStatus file_status(const struct stat& status) {
  const std::chrono::nanoseconds modified =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return {static_cast<std::uint64_t>(status.st_size), Time(std::chrono::floor<std::chrono::microseconds>(modified))};
}

struct Walk {
  const std::string& root;
  const std::string& prefix;
  const std::function<void(const ObjectInfo&)>& visit;

  // `directory` is empty or ends with a slash.
  void descend(const std::string& directory) const {
    for_each_entry(root + "/" + directory, [&](const std::string& part) {
      std::string name = directory + part;
      const std::string_view common = std::string_view(name).substr(0, prefix.size());
      if (!valid_name_part(part) || name.size() > longest_listed_name || !std::string_view(prefix).starts_with(common)) {
        return;
      }
      const std::optional<struct stat> status = status_of(root + "/" + name);
      if (status && S_ISDIR(status->st_mode)) {
        descend(name + "/");
      } else if (status && S_ISREG(status->st_mode) && name.starts_with(prefix)) {
        const FileStatus file = file_status(*status);
        visit({std::move(name), file.size, file.modified});
      }
    });
  }
};

// What of the prefix names whole directories: "a/b/c" has "a/b/". Nothing when no object's name can begin so.
std::optional<std::string> whole_directories(std::string_view prefix) {
  std::size_t begin = 0;
  for (std::size_t slash = prefix.find('/'); slash != std::string_view::npos; slash = prefix.find('/', begin)) {
    if (!valid_name_part(prefix.substr(begin, slash - begin))) {
      return std::nullopt;
    }
    begin = slash + 1;
  }
  return std::string(prefix.substr(0, begin));
}
}  // namespace

void for_each_file(const std::string& directory, const std::function<void(const std::string&, const FileStatus&)>& visit) {
  for_each_entry(directory, [&](const std::string& entry) {
    const std::string path = directory + "/" + entry;
    const std::optional<struct stat> status = status_of(path);
    if (status && S_ISREG(status->st_mode)) {
      visit(path, file_status(*status));
    }
  });
}

void list_files(const std::string& root, const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  if (const std::optional<std::string> directory = whole_directories(prefix)) {
    Walk{root, prefix, visit}.descend(*directory);
  }
}

}  // namespace pgrecall
