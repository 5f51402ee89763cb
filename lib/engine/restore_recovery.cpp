#include "engine/restore_recovery.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
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
constexpr std::string_view made_here = "# Written by pgrecall: the backup has no postgresql.conf";

// Groups of the user as a login gives them; what the server is started with.
std::vector<gid_t> groups_of(const FileOwner& owner) {
  const struct passwd* entry = ::getpwuid(owner.uid);  // NOLINT(concurrency-mt-unsafe): no other thread looks users up
  if (entry == nullptr) {
    return {owner.gid};
  }
  constexpr int most = 64;
  std::vector<gid_t> groups(most);
  int count = most;
  if (::getgrouplist(entry->pw_name, entry->pw_gid, groups.data(), &count) < 0) {
    count = most;
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

// By trying as that user: modes, groups, ACLs and mount options all count.
bool user_may(const FileOwner& owner, const std::string& path, int mode) {
  const std::vector<gid_t> groups = groups_of(owner);
  const pid_t child = ::fork();
  if (child == 0) {
    // Only async-signal-safe calls from here on.
    const bool changed = ::setgroups(groups.size(), groups.data()) == 0 && ::setgid(owner.gid) == 0 && ::setuid(owner.uid) == 0;
    ::_exit(!changed || ::access(path.c_str(), mode) == 0 || errno == ENOENT ? 0 : 1);
  }
  int status = 0;
  return child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

void note_unreadable(RestorePlan& plan) {
  const FileOwner owner = choose_owner(plan.request.into);
  if (owner.apply == FileOwner::Apply::no || owner.uid == 0) {
    return;
  }
  std::string listed;
  for (const std::string& path : plan.request.recovery->needed_paths) {
    if (!user_may(owner, path, R_OK)) {
      plan.unreadable.push_back(path);
      listed += (listed.empty() ? "" : ", ") + path;
    }
  }
  if (!listed.empty()) {
    plan.warnings.push_back("user " + owner.user + ", who will run the server, may not read " + listed +
                            ": its restore_command will fail until that is allowed");
  }
  const std::string& spool = plan.request.recovery->spool;
  if (!spool.empty() && (!user_may(owner, spool, R_OK) || !user_may(owner, spool + "/" + plan.request.cluster, R_OK))) {
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

bool has_our_configuration(const std::string& into) {
  const std::string path = into + "/postgresql.conf";
  if (!fs::exists(path)) {
    return false;
  }
  const Bytes bytes = read_file(path, max_settings_size);
  return text_of(bytes).starts_with(made_here);
}

void write_server_configuration(const RestorePlan& plan, const RestoreTarget& target, const ControlFile& control, PathSet& keep) {
  const std::string settings = fmt::format(
      "{}, as its server had it outside the data directory.\n"
      "# Enough to recover and to look around, on a Unix socket. pg_ctlcluster reads /etc/postgresql instead.\n"
      "listen_addresses = ''\n"
      "max_connections = {}\n"
      "max_worker_processes = {}\n"
      "max_wal_senders = {}\n"
      "max_prepared_transactions = {}\n"
      "max_locks_per_transaction = {}\n",
      made_here, control.max_connections, control.max_worker_processes, control.max_wal_senders,
      control.max_prepared_transactions, control.max_locks_per_transaction);
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"postgresql.conf", settings},
                                   {"pg_hba.conf", "local all all peer\n"},
                                   {"pg_ident.conf", ""}}) {
    target.replace_file(plan.request.into + "/" + name, settings_file_mode, bytes_of(text));
    keep.add(name);
  }
}

}  // namespace pgrecall
