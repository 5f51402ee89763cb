#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "store/object_store.h"

namespace pgrecall {

struct FileStatus {
  std::uint64_t size = 0;  // bytes
  Time modified;
};

// Regular files directly in `directory`, by path; none when it does not exist. What vanishes meanwhile is left out.
void for_each_file(const std::string& directory, const std::function<void(const std::string&, const FileStatus&)>& visit);

// ObjectStore::list over files below `root`. Links to files and directories are followed.
void list_files(const std::string& root, const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit);

}  // namespace pgrecall
