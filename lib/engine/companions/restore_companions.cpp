#include "engine/companions/restore_companions.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <set>

#include "base/error.h"
#include "engine/companions/companion.h"
#include "engine/failure.h"
#include "engine/restore_files.h"
#include "engine/restore_target.h"
#include "io/fd.h"
#include "io/rate_limiter.h"
#include "repository/manifest.h"

namespace pgrecall {

namespace {
constexpr std::uint32_t directory_of_owner = 0700;
constexpr std::uint32_t plain_bits = 0777;
constexpr std::uint32_t bits_of_others = 0007;
constexpr unsigned companion_workers = 2;

void refuse_occupied(const std::string& into) {
  struct stat status {};
  if (::lstat(into.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return;
    }
    throw system_error("cannot look at the directory for companion files", into, errno);
  }
  std::error_code error;
  if (!S_ISDIR(status.st_mode) || !std::filesystem::is_empty(into, error) || error) {
    throw Error(ErrorKind::failed, "companion files go into a directory of their own, which is empty or not there yet",
                "name another: nothing is overwritten")
        .with("path", into);
  }
}

// The newest backup before that one that has it.
std::optional<BackupId> earlier_with(const Catalog& catalog, const BackupId& backup, const std::string& companion) {
  for (auto each = catalog.backups.rbegin(); each != catalog.backups.rend(); ++each) {
    const auto& has = each->summary.companions;
    if (each->summary.id.time() < backup.time() &&
        std::ranges::any_of(has, [&](const SummaryCompanion& one) { return one.name == companion && one.problem.empty(); })) {
      return each->summary.id;
    }
  }
  return std::nullopt;
}

class CompanionsRestore {
 public:
  CompanionsRestore(const Repository& repository, const CompanionsPlan& plan, Progress& progress, const std::stop_token& stop)
      : repository_(repository), plan_(plan), progress_(progress), on_stop_(stop, [this] { failure_.request_stop(); }) {}

  RestoredCompanions execute();

 private:
  void read_entries();
  void require_place(const ManifestEntry& entry);
  void write_files();
  void set_times() const;
  [[nodiscard]] std::string path_of(const ManifestEntry& entry) const { return plan_.into + "/" + entry.path; }

  const Repository& repository_;
  const CompanionsPlan& plan_;
  Progress& progress_;
  Failure failure_;
  std::stop_callback<std::function<void()>> on_stop_;
  const RestoreTarget target_{FileOwner{}};
  std::vector<ManifestEntry> entries_;  // in their order: directories before what they hold
  std::set<std::string> directories_;
  std::set<std::string> paths_;
  RestoredCompanions result_;
};

// Else a manifest that somebody made could have us write through a link of it.
void CompanionsRestore::require_place(const ManifestEntry& entry) {
  const std::size_t slash = entry.path.rfind('/');
  const bool below_directory = slash == std::string::npos || directories_.contains(entry.path.substr(0, slash));
  if (!below_directory || !paths_.insert(entry.path).second) {
    throw Error(ErrorKind::corruption,
                below_directory ? "a companion file is there twice" : "a companion file lies below what is no directory",
                "run pgrecall verify; choose another backup with --backup")
        .with("object", manifest_name(plan_.cluster, plan_.backup))
        .with("file", entry.path);
  }
  if (entry.type == EntryType::directory) {
    directories_.insert(entry.path);
  }
}

void CompanionsRestore::read_entries() {
  ManifestReader manifest(repository_, plan_.cluster, plan_.backup);
  while (const ManifestEntry* entry = manifest.next()) {
    throw_if_stopped(failure_.token());
    if (entry->tree != EntryTree::companion) {
      continue;
    }
    require_place(*entry);
    ManifestEntry own = *entry;
    own.mode &= plain_bits;
    if (own.type == EntryType::file) {
      result_.files += 1;
      result_.bytes += own.size;
      if (looks_secret(own.path) && (own.mode & bits_of_others) != 0) {
        own.mode &= ~bits_of_others;
        result_.narrowed.push_back(own.path);
      }
    }
    entries_.push_back(std::move(own));
  }
}

// Links come last, so that nothing is ever written through one.
void CompanionsRestore::write_files() {
  RestoreFiles files(
      repository_, plan_.cluster, target_, RestoreRequest::Mode::empty_directory, companion_workers,
      [this](const ManifestEntry& entry) { return path_of(entry); }, failure_, progress_);
  for (const ManifestEntry& entry : entries_) {
    if (entry.type == EntryType::directory) {
      target_.make_directory(path_of(entry), directory_of_owner);
    } else if (entry.type == EntryType::file) {
      files.add(entry);
    }
  }
  files.finish();
  for (const ManifestEntry& entry : entries_) {
    if (entry.type == EntryType::symbolic_link) {
      target_.make_link(path_of(entry), entry.target);
    }
  }
}

// From the end, so that a directory is finished once all in it is.
void CompanionsRestore::set_times() const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const std::string path = path_of(*entry);
    if (entry->type == EntryType::directory) {
      target_.make_directory(path, entry->mode);
    }
    const std::array<struct timespec, 2> times{{{.tv_sec = 0, .tv_nsec = UTIME_NOW}, {.tv_sec = entry->mtime, .tv_nsec = 0}}};
    if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      throw system_error("cannot set the time of a file", path, errno);
    }
  }
}

RestoredCompanions CompanionsRestore::execute() {
  progress_.enter("restoring companion files");
  try {
    target_.make_directory(plan_.into, directory_of_owner);
    read_entries();
    write_files();
    set_times();
    sync_file_system(plan_.into);
  } catch (...) {
    failure_.set(std::current_exception());
    failure_.rethrow();
  }
  return std::move(result_);
}
}  // namespace

CompanionsPlan plan_companions(const Repository& repository, const ListedBackup& backup, const std::string& into) {
  const BackupSummary& summary = backup.summary;
  if (!into.starts_with('/')) {
    throw Error(ErrorKind::usage, "the directory for companion files must be an absolute path").with("path", into);
  }
  if (summary.companions.empty()) {
    throw Error(ErrorKind::target_unreachable, "the backup has no companion files",
                "clusters.NAME.companions in the configuration says what is kept with backups")
        .with("cluster", summary.cluster)
        .with("backup", summary.id.text);
  }
  refuse_occupied(into);
  CompanionsPlan plan{.cluster = summary.cluster, .backup = summary.id, .into = into, .companions = {}, .missing = {}};
  std::optional<Catalog> catalog;
  for (const SummaryCompanion& companion : summary.companions) {
    if (companion.problem.empty()) {
      plan.companions.push_back(companion);
      continue;
    }
    if (!catalog) {
      catalog = read_catalog(repository, summary.cluster);
    }
    plan.missing.push_back({companion.name, companion.problem, earlier_with(*catalog, summary.id, companion.name)});
  }
  return plan;
}

RestoredCompanions restore_companions(const Repository& repository, const CompanionsPlan& plan, Progress& progress,
                                      const std::stop_token& stop) {
  return CompanionsRestore(repository, plan, progress, stop).execute();
}

}  // namespace pgrecall
