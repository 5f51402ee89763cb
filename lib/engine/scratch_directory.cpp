#include "engine/scratch_directory.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "engine/restore_directory.h"
#include "engine/restore_recovery.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr const char* marker_name = "pgrecall-scratch";
constexpr std::string_view marker_begin = "pgrecall scratch 1\n";
constexpr std::size_t marker_limit = 4096;  // bytes
constexpr unsigned private_mode = 0700;
constexpr unsigned parent_mode = 0755;  // the server's user passes through it
constexpr std::size_t random_bytes = 4;
constexpr std::chrono::seconds server_ends_within{60};
constexpr int removal_tries = 20;
constexpr int processes_end_within_ms = 10'000;

std::string marker_of(const std::string& path) { return path + "/" + marker_name; }

// What the server left behind there: backends that have not noticed yet, and who fetches WAL ahead. They hold nothing but the
// copy.
void end_processes(const std::string& data) {
  std::error_code gone;
  std::vector<Fd> ending;
  for (auto at = fs::directory_iterator("/proc", gone); !gone && at != fs::directory_iterator(); at.increment(gone)) {
    const std::string name = at->path().filename();
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    std::error_code unreadable;
    if (pid <= 0 || pid == ::getpid() || !fs::equivalent(at->path() / "cwd", data, unreadable)) {
      continue;
    }
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process && ::kill(pid, SIGKILL) == 0) {
      ending.push_back(std::move(process));
    }
  }
  for (const Fd& process : ending) {
    struct pollfd ended {
      .fd = process.get(), .events = POLLIN, .revents = 0
    };
    ::poll(&ended, 1, processes_end_within_ms);
  }
}

// Everything but the marker, which goes last: what is left after an interruption is still known to be ours.
void remove_once(const std::string& path) {
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.path().filename() != marker_name) {
      fs::remove_all(entry.path());
    }
  }
  fs::remove(marker_of(path));
  fs::remove(path);
}

// Who fetches WAL ahead for the server notices a moment later that it is gone: until then files come and go.
void remove_tree(const std::string& path) {
  end_processes(path + "/data");
  for (int left = removal_tries; left > 0; --left) {
    try {
      remove_once(path);
      return;
    } catch (const fs::filesystem_error& error) {
      const bool changing =
          error.code() == std::errc::directory_not_empty || error.code() == std::errc::no_such_file_or_directory;
      if (left == 1 || !changing) {
        throw system_error("cannot remove the scratch directory", path, error.code().value());
      }
    }
  }
}

// The locked marker of a directory whose owner is gone.
Fd take_over(const std::string& path) {
  Fd marker(::open(marker_of(path).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!marker || ::flock(marker.get(), LOCK_EX | LOCK_NB) != 0) {
    return {};
  }
  Bytes text(marker_limit);
  text.resize(read_at(marker, 0, text, marker_of(path)));
  return text_of(text).starts_with(marker_begin) ? std::move(marker) : Fd();
}

// The server whose directory this is; 0 when none runs.
pid_t server_in(const std::string& data) {
  const Fd file = open_existing(data + "/postmaster.pid", O_RDONLY);
  if (!file) {
    return 0;
  }
  Bytes text(marker_limit);
  text.resize(read_at(file, 0, text, data));
  const std::string_view line = text_of(text);
  pid_t pid = 0;
  std::from_chars(line.data(), line.data() + line.size(), pid);
  // The number may be another process's by now.
  std::error_code gone;
  return pid > 0 && fs::equivalent("/proc/" + std::to_string(pid) + "/cwd", data, gone) ? pid : 0;
}

void end_server(const std::string& data) {
  const pid_t pid = server_in(data);
  const Fd process(pid == 0 ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process || ::kill(pid, SIGQUIT) != 0) {
    return;  // it has just ended
  }
  struct pollfd ended {
    .fd = process.get(), .events = POLLIN, .revents = 0
  };
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(server_ends_within).count();
  if (::poll(&ended, 1, static_cast<int>(limit)) == 0) {
    throw Error(ErrorKind::failed, "the server in a scratch directory that was left behind does not end",
                "end it: kill " + std::to_string(pid))
        .with("path", data);
  }
}

}  // namespace

ScratchDirectory::ScratchDirectory(const std::string& parent, const std::string& purpose) {
  make_directories(parent, parent_mode);
  owner_ = choose_owner(parent);
  if (owner_.apply == FileOwner::Apply::yes && !user_may(owner_, parent, X_OK)) {
    throw Error(ErrorKind::failed,
                "user " + owner_.user + ", who would run the scratch server, may not enter the scratch directory",
                "let that user pass through the directories above it (chmod o+x), or choose another one: `scratch` in the "
                "configuration, or --scratch DIR")
        .with("path", parent);
  }
  const RestoreTarget target(owner_);
  path_ = parent + "/" + random_hex(random_bytes);
  if (::mkdir(path_.c_str(), private_mode) != 0) {
    throw system_error("cannot make the scratch directory", path_, errno);
  }
  // Under its name only once it is locked: what has no marker is nobody's to remove.
  const std::string draft = marker_of(path_) + ".new";
  Fd marker = open_file(draft, O_RDWR | O_CREAT | O_EXCL);
  if (::flock(marker.get(), LOCK_EX | LOCK_NB) != 0) {
    throw system_error("cannot lock the file", draft, errno);
  }
  const std::string text = std::string(marker_begin) + purpose + ", process " + std::to_string(::getpid()) + "\n";
  write_all(marker, bytes_of(text), draft);
  if (::rename(draft.c_str(), marker_of(path_).c_str()) != 0) {
    throw system_error("cannot rename the file", draft, errno);
  }
  marker_ = std::move(marker);
  target.make_directory(path_, private_mode);
  for (const std::string& directory : {data(), tablespaces(), sockets()}) {
    target.make_directory(directory, private_mode);
  }
}

ScratchDirectory::~ScratchDirectory() {
  if (marker_) {
    try {
      remove();
    } catch (const Error&) {
      marker_.reset();  // unlocked, it is the next clean_scratch()'s
    }
  }
}

void ScratchDirectory::remove() {
  remove_tree(path_);
  marker_.reset();
}

void ScratchDirectory::keep() {
  if (::unlink(marker_of(path_).c_str()) != 0) {
    throw system_error("cannot remove the file", marker_of(path_), errno);
  }
  marker_.reset();
}

std::vector<std::string> clean_scratch(const std::string& parent) {
  std::vector<std::string> removed;
  std::error_code missing;
  std::vector<std::string> there;
  for (auto at = fs::directory_iterator(parent, missing); !missing && at != fs::directory_iterator(); at.increment(missing)) {
    if (at->is_directory() && !at->is_symlink()) {
      there.push_back(at->path().string());
    }
  }
  for (const std::string& path : there) {
    if (const Fd marker = take_over(path)) {
      end_server(path + "/data");
      remove_tree(path);
      removed.push_back(path);
    }
  }
  return removed;
}

}  // namespace pgrecall
