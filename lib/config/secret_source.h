#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "config/problem.h"

namespace pgrecall {

// Where a secret is to be found. A loaded configuration has at most one of the four set.
struct SecretSource {
  std::optional<std::string> file;         // absolute path
  std::optional<std::string> environment;  // name of a variable
  std::optional<std::string> credential;   // name of a systemd credential: a file in $CREDENTIALS_DIRECTORY
  std::optional<Secret> literal;           // stood in the configuration itself

  [[nodiscard]] bool configured() const noexcept { return file || environment || credential || literal; }
};

// The secret, read now, so that one that was replaced works at the next use. One line end behind it is taken off. `what` names it
// in messages ("password of cluster prod"). Error{configuration} when it is not there, cannot be read, is empty or is over 64
// KiB.
[[nodiscard]] Secret read_secret(const SecretSource& source, std::string_view what);
// The content of a secret file, unchanged. The same errors, and an empty file is allowed.
[[nodiscard]] Secret read_secret_file(const std::string& path, std::string_view what);

// What is doubtful about a source: readable by others, not there (yet), or a literal. Nothing when all is well. Reads no secret.
[[nodiscard]] std::optional<Complaint> doubt(const SecretSource& source);
[[nodiscard]] std::optional<Complaint> doubt_secret_file(const std::string& path);

}  // namespace pgrecall
