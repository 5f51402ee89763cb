#include "jobs/restore_command.h"

#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "engine/wal/prefetch.h"
#include "output/text.h"
#include "repository/names.h"
#include "store/store_url.h"

namespace pgrecall {

namespace {
std::string own_path() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<std::size_t>(length) == path.size()) {
    throw Error(ErrorKind::failed, "cannot find out where this program lies", "check that /proc is mounted");
  }
  return {path.data(), static_cast<std::size_t>(length)};
}

std::string whole_path(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

// As one word for the shell that runs restore_command, where PostgreSQL replaces %f, %p and %r first.
std::string command_word(const std::string& word) {
  std::string text;
  for (const char c : shell_word(word)) {
    text += c == '%' ? "%%" : std::string(1, c);
  }
  return text;
}

std::string command_of(const std::string& cluster, const RepositoryAddress& address, const std::string& spool) {
  // What was fetched ahead is taken by mv, which starts in a quarter of our time; recovery waits for this once a segment.
  std::string command = std::string("read -r boot <") + boot_file + " && mv pg_wal/" + prefetch_directory +
                        "/%f.$boot \"%p\" 2>/dev/null || exec " + command_word(own_path()) + " wal fetch " +
                        command_word(cluster) + " %f \"%p\" --repository " + command_word(address.url);
  if (address.key.key_file) {
    command += " --key-file " + command_word(whole_path(*address.key.key_file));
  } else if (!address.passphrase_file.empty()) {
    command += " --passphrase-file " + command_word(whole_path(address.passphrase_file));
  }
  return spool.empty() ? command : command + " --spool " + command_word(spool);
}

// Of a repository in a directory, the objects that recovery begins with.
std::vector<std::string> needed_paths(const std::string& cluster, const RepositoryAddress& address,
                                      const Repository& repository) {
  std::vector<std::string> paths{own_path()};
  constexpr std::string_view directory_scheme = "file://";
  const std::string shown = repository.store().address();
  if (shown.starts_with(directory_scheme)) {
    const std::string directory = path_of_url(shown);
    paths.insert(paths.end(), {directory + "/pgrecall.json", directory + "/" + wal_prefix(cluster)});
  }
  if (address.key.key_file) {
    paths.push_back(whole_path(*address.key.key_file));
  } else if (!address.passphrase_file.empty()) {
    paths.push_back(whole_path(address.passphrase_file));
  }
  return paths;
}
}  // namespace

RestoreCommand restore_command(const std::string& cluster, const RepositoryAddress& address, const Repository& repository,
                               const std::string& spool) {
  const bool named = address.key.key_file || !address.passphrase_file.empty();
  return {.command = command_of(cluster, address, spool),
          .paths = needed_paths(cluster, address, repository),
          .passphrase = named ? std::nullopt : address.key.passphrase};
}

}  // namespace pgrecall
