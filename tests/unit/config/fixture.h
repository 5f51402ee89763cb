#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace pgrecall::test {

// A file that has nothing to complain about, in three lines, so that tests may add their own from line 4 on.
inline constexpr std::string_view minimal =
    "repositories: { main: { path: /srv/backup } }\n"
    "clusters:\n"
    "  prod: { connection: host=db, repository: main }\n";

// Each problem as the user sees it, without "test.yaml:" in front.
[[nodiscard]] std::vector<std::string> errors_of(std::string_view yaml);
[[nodiscard]] std::vector<std::string> warnings_of(std::string_view yaml);
// As errors_of(), without hints.
[[nodiscard]] std::vector<std::string> bare_errors_of(std::string_view yaml);
// The configuration; fails the test when there are errors.
[[nodiscard]] Config config_of(std::string_view yaml);

// A file of the source tree, as "config/pgrecall.example.yaml".
[[nodiscard]] std::string source_path(std::string_view path);
[[nodiscard]] std::string read_text(const std::string& path);
void write_text(const std::string& path, std::string_view text);

// An empty directory; it and its files are removed at the end.
class Directory {
 public:
  Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();
  [[nodiscard]] std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Sets an environment variable, and puts back what was there.
class Variable {
 public:
  Variable(const char* name, const char* value);
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable();

 private:
  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace pgrecall::test
