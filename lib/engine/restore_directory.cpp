#include "engine/restore_directory.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "io/fd.h"
#include "postgres/control_file.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t small_file_limit = 64U << 10U;

// Holds nothing, or only what mkfs made.
bool is_empty(const std::string& directory) {
  return std::all_of(fs::directory_iterator(directory), fs::directory_iterator(),
                     [](const auto& entry) { return entry.path().filename() == "lost+found"; });
}

std::string read_text(const std::string& path) {
  if (!fs::exists(path)) {
    return {};
  }
  const Bytes bytes = read_file(path, small_file_limit);
  return std::string(text_of(bytes));
}

void refuse_running_server(const std::string& directory) {
  const std::string pid_file = directory + "/postmaster.pid";
  const std::string text = read_text(pid_file);
  int pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  if (pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM)) {
    throw Error(ErrorKind::failed, "a PostgreSQL server is running in the directory to restore into",
                "stop it first: pg_ctl -D " + directory + " stop")
        .with("path", directory)
        .with("pid", static_cast<unsigned long long>(pid));
  }
}

// The cluster that lives in the directory, by pg_control or by an interrupted restore's marker; 0 when it is neither.
std::uint64_t system_in(const std::string& directory) {
  const std::string control = directory + "/global/pg_control";
  if (fs::exists(control)) {
    return parse_control_file(read_file(control, small_file_limit)).system_identifier;
  }
  const std::string marker = read_text(directory + "/" + restore_marker);
  std::uint64_t system = 0;
  std::from_chars(marker.data(), marker.data() + marker.size(), system);
  return system;
}

void refuse_other_cluster(const std::string& directory, std::uint64_t expected) {
  const std::uint64_t found = system_in(directory);
  if (found == 0) {
    throw Error(ErrorKind::failed, "the directory is not empty and not a PostgreSQL data directory",
                "restore into an empty directory")
        .with("path", directory);
  }
  if (found != expected) {
    throw Error(ErrorKind::failed, "the directory holds another cluster: its system identifier differs from the backup's",
                "check the path; --delta only works on a copy of the same cluster")
        .with("path", directory)
        .with("expected", expected)
        .with("found", found);
  }
}

void refuse_filled(const std::string& directory) {
  if (fs::exists(directory) && !is_empty(directory)) {
    throw Error(ErrorKind::failed, "the directory to restore into is not empty",
                "choose an empty one, or use --delta to rewrite only what differs in an old copy of this cluster")
        .with("path", directory);
  }
}

FileOwner owner_of(uid_t uid, gid_t gid) {
  const struct passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): called before any thread is started
  return {
      .user = entry != nullptr ? entry->pw_name : std::to_string(uid), .uid = uid, .gid = gid, .apply = FileOwner::Apply::yes};
}

}  // namespace

void refuse_unfit_directory(const RestorePlan& plan) {
  const std::string& into = plan.request.into;
  if (fs::exists(into) && !fs::is_directory(into)) {
    throw Error(ErrorKind::failed, "the place to restore into is not a directory").with("path", into);
  }
  if (fs::exists(into) && !is_empty(into)) {
    refuse_running_server(into);
    if (plan.request.mode == RestoreRequest::Mode::empty_directory) {
      refuse_filled(into);
    }
    refuse_other_cluster(into, plan.backup.summary.system_identifier);
  }
  for (const RestorePlan::Tablespace& tablespace : plan.tablespaces) {
    if (plan.request.mode == RestoreRequest::Mode::empty_directory) {
      refuse_filled(tablespace.to);
    }
  }
}

FileOwner choose_owner(const std::string& into) {
  if (::geteuid() != 0) {
    FileOwner owner = owner_of(::geteuid(), ::getegid());
    owner.apply = FileOwner::Apply::no;
    return owner;
  }
  struct stat status {};
  if (::stat(into.c_str(), &status) == 0 && status.st_uid != 0) {
    return owner_of(status.st_uid, status.st_gid);
  }
  if (const struct passwd* postgres =
          ::getpwnam("postgres")) {  // NOLINT(concurrency-mt-unsafe): called before any thread is started
    return owner_of(postgres->pw_uid, postgres->pw_gid);
  }
  return owner_of(0, 0);
}

}  // namespace pgrecall
