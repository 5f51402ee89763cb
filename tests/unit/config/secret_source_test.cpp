#include "config/secret_source.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "unit/config/fixture.h"

namespace secret_source_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
SecretSource file_source(const std::string& path) { return {path, std::nullopt, std::nullopt, std::nullopt}; }
SecretSource variable_source(const std::string& name) { return {std::nullopt, name, std::nullopt, std::nullopt}; }
SecretSource credential_source(const std::string& name) { return {std::nullopt, std::nullopt, name, std::nullopt}; }

std::string problem_of(const SecretSource& source) {
  try {
    (void)read_secret(source, "password of cluster prod");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK_FALSE(error.hint().empty());
    return error.message();
  }
  return {};
}
}  // namespace

TEST_CASE("secrets are read from where they are, without the line's end", "[config]") {
  const Directory directory;
  const auto content = [&directory](std::string_view text) {
    write_text(directory.path("secret"), text);
    return read_secret(file_source(directory.path("secret")), "x").reveal();
  };
  CHECK(content("hunter2\n") == "hunter2");
  CHECK(content("hunter2\r\n") == "hunter2");
  CHECK(content("hunter2") == "hunter2");
  CHECK(content(" hunter 2 \n\n") == " hunter 2 \n");
  CHECK(content(std::string(65'535, 'x') + "\n").size() == 65'535);

  const Variable variable("PGRECALL_TEST_SECRET", "from the environment");
  CHECK(read_secret(variable_source("PGRECALL_TEST_SECRET"), "x").reveal() == "from the environment");

  const Variable credentials("CREDENTIALS_DIRECTORY", directory.path().c_str());
  write_text(directory.path("main-key"), "from systemd\n");
  CHECK(read_secret(credential_source("main-key"), "x").reveal() == "from systemd");

  CHECK(read_secret({std::nullopt, std::nullopt, std::nullopt, Secret("literal")}, "x").reveal() == "literal");
  write_text(directory.path("key"), "two\nlines\n");
  CHECK(read_secret_file(directory.path("key"), "x").reveal() == "two\nlines\n");
}

TEST_CASE("a secret that is not there says which, and where it was looked for", "[config]") {
  const Directory directory;
  CHECK(problem_of(file_source(directory.path("absent"))) ==
        "password of cluster prod: cannot read " + directory.path("absent") + ": No such file or directory");
  CHECK(problem_of(file_source(directory.path())) ==
        "password of cluster prod: cannot read " + directory.path() + ": Is a directory");
  CHECK(problem_of(variable_source("PGRECALL_TEST_ABSENT")) ==
        "password of cluster prod: environment variable PGRECALL_TEST_ABSENT is not set");
  CHECK(problem_of({}) == "password of cluster prod: is not configured");
  write_text(directory.path("empty"), "\n");
  CHECK(problem_of(file_source(directory.path("empty"))) == "password of cluster prod: is empty");
  write_text(directory.path("big"), std::string(65'537, 'x'));
  CHECK(problem_of(file_source(directory.path("big"))) ==
        "password of cluster prod: " + directory.path("big") + " is too big for a secret");
  const Variable none("CREDENTIALS_DIRECTORY", "");
  CHECK(problem_of(credential_source("main-key")).find("no systemd credential main-key here") != std::string::npos);
}

TEST_CASE("doubtful sources are told before they are used", "[config]") {
  const Directory directory;
  const std::string path = directory.path("secret");
  write_text(path, "hunter2\n");
  for (const auto& [mode, doubtful] : std::vector<std::pair<mode_t, bool>>{
           {0600, false}, {0400, false}, {0640, false}, {0644, true}, {0604, true}, {0660, true}, {0650, true}}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    INFO(mode);
    CHECK(doubt(file_source(path)).has_value() == doubtful);
  }
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(doubt(file_source(path))->text == path + " is open to others than its owner and group (mode 0644)");
  CHECK(doubt(file_source(path))->hint == "chmod 600 " + path);
  CHECK(doubt(file_source(directory.path("absent")))->text == directory.path("absent") + ": No such file or directory");
  CHECK(doubt(file_source(directory.path()))->text == directory.path() + " is not a regular file");
  CHECK(doubt(variable_source("PGRECALL_TEST_ABSENT"))->text == "environment variable PGRECALL_TEST_ABSENT is not set here");
  CHECK(doubt({std::nullopt, std::nullopt, std::nullopt, Secret("x")}).has_value());
  CHECK_FALSE(doubt({}).has_value());
  const Variable credentials("CREDENTIALS_DIRECTORY", directory.path().c_str());
  CHECK_FALSE(doubt(credential_source("secret")).has_value());
  CHECK(doubt(credential_source("other")).has_value());
}

}  // namespace secret_source_test
