#include "config/secret_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_secret_size = 64U << 10U;  // bytes

struct File {
  explicit File(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
  int fd;
};

std::string reason(int errno_value) { return std::generic_category().message(errno_value); }

[[noreturn]] void refuse(std::string_view what, std::string_view problem, std::string hint) {
  throw Error(ErrorKind::configuration, fmt::format("{}: {}", what, problem), std::move(hint));
}

std::optional<std::string> credential_path(const std::string& name) {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory == '\0') {
    return std::nullopt;
  }
  return std::string(directory) + "/" + name;
}

Secret without_line_end(const Secret& secret) {
  std::string text = secret.reveal();
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  if (text.ends_with('\r')) {
    text.pop_back();
  }
  return Secret(std::move(text));
}

Secret read_anywhere(const SecretSource& source, std::string_view what) {
  if (source.file) {
    return read_secret_file(*source.file, what);
  }
  if (source.environment) {
    const char* value = std::getenv(source.environment->c_str());
    if (value == nullptr) {
      refuse(what, fmt::format("environment variable {} is not set", *source.environment),
             "set it for the process that runs pgrecall");
    }
    return Secret(std::string(value));
  }
  if (source.credential) {
    const auto path = credential_path(*source.credential);
    if (!path) {
      refuse(
          what, fmt::format("there is no systemd credential {} here: $CREDENTIALS_DIRECTORY is not set", *source.credential),
          "run inside the service, whose unit has LoadCredential=, or point $CREDENTIALS_DIRECTORY to a directory that holds it");
    }
    return read_secret_file(*path, what);
  }
  if (source.literal) {
    return *source.literal;
  }
  refuse(what, "is not configured", "name a file, an environment variable or a systemd credential in the configuration");
}
}  // namespace

Secret read_secret_file(const std::string& path, std::string_view what) {
  const File file(path);
  if (file.fd < 0) {
    refuse(what, fmt::format("cannot read {}: {}", path, reason(errno)),
           "check that the file exists and that the user who runs pgrecall may read it");
  }
  // The whole buffer at once: a string that grew would leave copies of the secret behind in freed memory.
  std::string text(max_secret_size + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(file.fd, text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      const int failure = errno;
      const Secret wiped(std::move(text));
      refuse(what, fmt::format("cannot read {}: {}", path, reason(failure)), "name a regular file");
    }
    if (got == 0) {
      break;
    }
    length += static_cast<std::size_t>(got);
  }
  text.resize(length);
  Secret secret(std::move(text));
  if (length > max_secret_size) {
    refuse(what, fmt::format("{} is too big for a secret", path), "name a file of at most 64 KiB");
  }
  return secret;
}

Secret read_secret(const SecretSource& source, std::string_view what) {
  Secret secret = without_line_end(read_anywhere(source, what));
  if (secret.empty()) {
    refuse(what, "is empty", "put the secret where the configuration says that it is");
  }
  return secret;
}

std::optional<Complaint> doubt_secret_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return Complaint{fmt::format("{}: {}", path, reason(errno)), "create it, or correct the path"};
  }
  if (!S_ISREG(status.st_mode)) {
    return Complaint{fmt::format("{} is not a regular file", path), "name a file that holds the secret and nothing else"};
  }
  // The group may read: so the user of a server that recovers is let in.
  if ((status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0) {
    return Complaint{fmt::format("{} is open to others than its owner and group (mode {:04o})", path, status.st_mode & 07777U),
                     fmt::format("chmod 600 {}", path)};
  }
  if (::access(path.c_str(), R_OK) != 0) {
    return Complaint{fmt::format("{}: {}", path, reason(errno)), "make the user who runs pgrecall its owner"};
  }
  return std::nullopt;
}

std::optional<Complaint> doubt(const SecretSource& source) {
  if (source.file) {
    return doubt_secret_file(*source.file);
  }
  if (source.environment && std::getenv(source.environment->c_str()) == nullptr) {
    return Complaint{fmt::format("environment variable {} is not set here", *source.environment),
                     "set it for the process that runs pgrecall"};
  }
  if (source.credential) {
    const auto path = credential_path(*source.credential);
    if (!path) {
      return Complaint{"systemd credentials are not available here: $CREDENTIALS_DIRECTORY is not set",
                       "they are inside the service"};
    }
    if (::access(path->c_str(), R_OK) != 0) {
      return Complaint{fmt::format("{}: {}", *path, reason(errno)),
                       "add LoadCredential= or LoadCredentialEncrypted= to the unit"};
    }
  }
  if (source.literal) {
    return Complaint{"a secret stands in the configuration itself", "move it to a file of mode 0600 and name that instead"};
  }
  return std::nullopt;
}

}  // namespace pgrecall
