#include "engine/restore_recovery.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "engine/restore_directory.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t settings_file_mode = 0600;
constexpr std::uint64_t max_settings_size = 16U << 20U;  // bytes
constexpr const char* settings_file = "postgresql.auto.conf";
constexpr const char* recovery_signal = "recovery.signal";
constexpr const char* standby_signal = "standby.signal";

// The first of the paths that a user may not read, by trying as that user: modes, groups, ACLs and mount options all count.
std::optional<std::string> first_unreadable(const std::vector<std::string>& paths, const FileOwner& owner) {
  const pid_t child = ::fork();
  if (child == 0) {
    // Only async-signal-safe calls from here on.
    if (::setgroups(0, nullptr) != 0 || ::setgid(owner.gid) != 0 || ::setuid(owner.uid) != 0) {
      ::_exit(0);
    }
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (::access(paths[i].c_str(), R_OK) != 0 && errno != ENOENT) {
        ::_exit(static_cast<int>(i) + 1);
      }
    }
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 0) {
    return std::nullopt;
  }
  return paths.at(static_cast<std::size_t>(WEXITSTATUS(status)) - 1);
}

}  // namespace

void note_unreadable(RestorePlan& plan) {
  const FileOwner owner = choose_owner(plan.request.into);
  if (owner.apply == FileOwner::Apply::no || owner.uid == 0) {
    return;
  }
  if (const auto path = first_unreadable(plan.request.recovery->needed_paths, owner)) {
    plan.warnings.push_back("user " + owner.user + ", who will run the server, may not read " + *path +
                            ": its restore_command will fail until that is allowed");
  }
  const std::string& spool = plan.request.recovery->spool;
  if (!spool.empty() && first_unreadable({spool, spool + "/" + plan.request.cluster}, owner)) {
    plan.warnings.push_back("user " + owner.user + ", who will run the server, may not look into the spool " + spool +
                            ": what the receiver has not brought into the repository yet will be missing");
  }
}

void write_recovery_settings(const RestorePlan& plan, const RestoreTarget& target, PathSet& keep) {
  const std::string& into = plan.request.into;
  const std::string settings = into + "/" + settings_file;
  std::string text;
  if (fs::exists(settings)) {
    const Bytes bytes = read_file(settings, max_settings_size);
    text = text_of(bytes);
  }
  text = with_recovery_settings(text, plan.recovery->settings);
  target.replace_file(settings, settings_file_mode, bytes_of(text));
  // A backup of a standby has this, and it would go before recovery.signal: the server would follow its primary for ever.
  const std::string standby = into + "/" + standby_signal;
  if (::unlink(standby.c_str()) != 0 && errno != ENOENT) {
    throw system_error("cannot remove the file", standby, errno);
  }
  target.replace_file(into + "/" + recovery_signal, settings_file_mode, ByteView());
  keep.add(settings_file);
  keep.add(recovery_signal);
}

}  // namespace pgrecall
