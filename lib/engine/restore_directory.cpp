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
#include "engine/running_servers.h"
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

// Also another data directory's server: a copy made with `cp -a` has links to the original's tablespaces and WAL.
void refuse_used(const std::string& directory) {
  if (const auto server = server_that_uses(directory)) {
    throw Error(ErrorKind::failed, "a running PostgreSQL server uses the directory to restore into",
                "stop it first, or restore elsewhere (tablespaces: --tablespace OLD=NEW)")
        .with("path", directory)
        .with("pid", static_cast<unsigned long long>(server->pid))
        .with("data_directory", server->data_directory);
  }
}

// Inside of a data directory or a repository, what is restored would become part of it.
void refuse_inside_of_others(const std::string& directory) {
  std::error_code error;
  for (fs::path path = fs::weakly_canonical(directory, error).parent_path(); !error && path.has_relative_path();
       path = path.parent_path()) {
    const bool repository = fs::exists(path / "pgrecall.json", error);
    if (repository || (fs::exists(path / "PG_VERSION", error) && fs::exists(path / "global", error))) {
      throw Error(ErrorKind::failed,
                  std::string("the directory to restore into lies inside of a ") + (repository ? "repository" : "data directory"),
                  "choose a directory outside of " + path.string())
          .with("path", directory);
    }
  }
}

std::uint64_t system_in_control_file(const std::string& control) {
  try {
    return parse_control_file(read_file(control, small_file_limit)).system_identifier;
  } catch (const Error& error) {
    throw Error(ErrorKind::failed,
                "the directory to restore into has a pg_control that cannot be read, so that it may be any cluster's",
                "restore into an empty directory; or, if this is a copy of this cluster for sure, remove its contents first")
        .with("path", control)
        .caused_by(error);
  }
}

// The cluster that lives in the directory, by pg_control or by an interrupted restore's marker; 0 when it is neither.
std::uint64_t system_in(const std::string& directory) {
  const std::string control = directory + "/global/pg_control";
  if (fs::exists(control)) {
    return system_in_control_file(control);
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

void refuse_filled_tablespace(const RestorePlan::Tablespace& tablespace) {
  if (fs::exists(tablespace.to) && !fs::is_directory(tablespace.to)) {
    throw Error(ErrorKind::failed, "the place of a tablespace is not a directory",
                "choose another: --tablespace " + tablespace.from + "=NEW")
        .with("path", tablespace.to);
  }
  if (fs::exists(tablespace.to) && !is_empty(tablespace.to)) {
    throw Error(ErrorKind::failed, "the directory of a tablespace is not empty, and not known to belong to what is restored",
                "choose an empty one: --tablespace " + tablespace.from + "=NEW")
        .with("path", tablespace.to);
  }
}

FileOwner owner_of(uid_t uid, gid_t gid) {
  const struct passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): called before any thread is started
  return {
      .user = entry != nullptr ? entry->pw_name : std::to_string(uid), .uid = uid, .gid = gid, .apply = FileOwner::Apply::yes};
}

}  // namespace

std::string linked_tablespace(const std::string& into, std::uint32_t oid) {
  std::error_code none;
  const fs::path target = fs::read_symlink(into + "/pg_tblspc/" + std::to_string(oid), none);
  return target.is_absolute() ? target.lexically_normal().string() : std::string();
}

void refuse_unfit_directory(const RestorePlan& plan) {
  const std::string& into = plan.request.into;
  const bool delta = plan.request.mode == RestoreRequest::Mode::delta;
  if (fs::exists(fs::symlink_status(into)) && !fs::is_directory(into)) {
    throw Error(ErrorKind::failed, "the place to restore into is not a directory", "remove it, or choose another")
        .with("path", into);
  }
  refuse_inside_of_others(into);
  if (fs::exists(into) && !is_empty(into)) {
    refuse_running_server(into);
    if (!delta) {
      refuse_filled(into);
    }
    refuse_other_cluster(into, plan.backup.summary.system_identifier);
  }
  refuse_used(into);
  refuse_used(into + "/pg_wal");
  for (const RestorePlan::Tablespace& tablespace : plan.tablespaces) {
    refuse_inside_of_others(tablespace.to);
    // What is there is known to be this copy's own only when this copy links to it.
    if (!delta || linked_tablespace(into, tablespace.oid) != tablespace.to) {
      refuse_filled_tablespace(tablespace);
    }
    refuse_used(tablespace.to);
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
