#include "engine/companions/companion_tree.h"

#include <algorithm>

#include "base/error.h"
#include "postgres/relative_path.h"
#include "repository/manifest_block.h"

namespace pgrecall {

namespace {
constexpr std::size_t most_entries = 100'000;
constexpr std::size_t most_warnings = 20;
constexpr std::uint32_t made_up_directory = 0700;
constexpr std::uint32_t permission_bits = 07777;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}
}  // namespace

void CompanionTree::add(CompanionEntry entry) {
  if (entry.path.empty() ? entry.type != EntryType::directory : !is_plain_relative_path(entry.path)) {
    throw Error(ErrorKind::failed, "a path leads out of the companion").with("path", entry.path);
  }
  if (companion_.name.size() + 1 + entry.path.size() > max_manifest_path || entry.target.size() > max_manifest_path) {
    throw Error(ErrorKind::failed, "a path is too long").with("path", entry.path.substr(0, 200) + "...");
  }
  if (entries_.size() >= most_entries && !entries_.contains(entry.path)) {
    throw Error(ErrorKind::failed, "there are more than " + std::to_string(most_entries) + " files",
                "companions are for few and small files: name what is needed alone");
  }
  entry.mode &= permission_bits;
  std::string path = entry.path;
  entries_.insert_or_assign(std::move(path), std::move(entry));
}

void CompanionTree::add_directory(const std::string& path, std::uint32_t mode, std::int64_t mtime) {
  add({.type = EntryType::directory, .path = path, .mode = mode, .mtime = mtime, .target = {}, .size = 0, .at = 0});
}

void CompanionTree::add_link(const std::string& path, const std::string& target, std::int64_t mtime) {
  if (target.empty() || target.find('\0') != std::string::npos) {
    throw Error(ErrorKind::failed, "a symbolic link leads nowhere").with("path", path);
  }
  add({.type = EntryType::symbolic_link, .path = path, .mode = 0777, .mtime = mtime, .target = target, .size = 0, .at = 0});
}

void CompanionTree::begin_file(const std::string& path, std::uint32_t mode, std::int64_t mtime) {
  file_ = {.type = EntryType::file,
           .path = path,
           .mode = mode,
           .mtime = mtime,
           .target = {},
           .size = 0,
           .at = companion_.content.size()};
}

void CompanionTree::end_file() {
  file_.size = companion_.content.size() - file_.at;
  add(file_);
}

void CompanionTree::begin_file_again() { companion_.content.cut(file_.at); }

void CompanionTree::add_same_file(const std::string& path, const std::string& other) {
  const auto found = entries_.find(other);
  if (found == entries_.end() || found->second.type != EntryType::file) {
    throw Error(ErrorKind::failed, "a hard link leads to no file before it").with("path", path).with("target", other);
  }
  CompanionEntry same = found->second;
  same.path = path;
  add(std::move(same));
}

void CompanionTree::warn(std::string warning) {
  if (companion_.warnings.size() < most_warnings) {
    companion_.warnings.push_back(std::move(warning));
  } else {
    ++more_warnings_;
  }
}

void CompanionTree::make_up_parents() {
  std::vector<std::string> missing;
  const auto require_directory = [&](const std::string& path, const std::string& below) {
    const auto found = entries_.find(path);
    if (found == entries_.end()) {
      missing.push_back(path);
    } else if (found->second.type != EntryType::directory) {
      throw Error(ErrorKind::failed, "something lies below what is no directory").with("path", below);
    }
    return found == entries_.end();
  };
  for (const auto& [path, entry] : entries_) {
    // Where a parent is there, so are those above it, or they are looked at in turn.
    for (std::string at = path; !at.empty();) {
      at = parent_of(at);
      if (!require_directory(at, path)) {
        break;
      }
    }
  }
  if (!entries_.contains("")) {
    missing.emplace_back();
  }
  for (const std::string& path : missing) {
    add_directory(path, made_up_directory,
                  std::chrono::floor<std::chrono::seconds>(companion_.gathered).time_since_epoch().count());
  }
}

void CompanionTree::finish() {
  make_up_parents();
  companion_.entries.reserve(entries_.size());
  for (auto& [path, entry] : entries_) {
    companion_.entries.push_back(std::move(entry));
  }
  entries_.clear();
  if (more_warnings_ > 0) {
    companion_.warnings.push_back("and " + std::to_string(more_warnings_) + " more");
  }
}

}  // namespace pgrecall
