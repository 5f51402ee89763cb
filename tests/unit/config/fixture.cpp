#include "unit/config/fixture.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgrecall::test {

namespace {
std::vector<std::string> lines(const std::vector<Problem>& problems) {
  std::vector<std::string> result;
  for (const Problem& problem : problems) {
    const std::string line = to_string(problem);
    REQUIRE(line.starts_with("/etc/test.yaml:"));
    result.push_back(line.substr(std::string_view("/etc/test.yaml:").size()));
  }
  return result;
}

ConfigCheck check(std::string_view yaml) { return check_config_text(std::string(yaml), "/etc/test.yaml"); }
}  // namespace

std::vector<std::string> errors_of(std::string_view yaml) { return lines(check(yaml).errors); }
std::vector<std::string> warnings_of(std::string_view yaml) { return lines(check(yaml).warnings); }

std::vector<std::string> bare_errors_of(std::string_view yaml) {
  std::vector<std::string> result = errors_of(yaml);
  for (std::string& line : result) {
    line = line.substr(0, line.find("; hint: "));
  }
  return result;
}

Config config_of(std::string_view yaml) {
  CHECK(errors_of(yaml).empty());
  return check(yaml).config;
}

std::string source_path(std::string_view path) { return std::string(PGRECALL_TEST_DATA) + "/../../../" + std::string(path); }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  REQUIRE(file);
}

Directory::Directory() : path_((std::filesystem::temp_directory_path() / "pgrecall-config-XXXXXX").string()) {
  REQUIRE(::mkdtemp(path_.data()) != nullptr);
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Variable::Variable(const char* name, const char* value) : name_(name) {
  if (const char* before = std::getenv(name)) {
    before_ = before;
  }
  ::setenv(name, value, 1);
}

Variable::~Variable() {
  if (before_) {
    ::setenv(name_.c_str(), before_->c_str(), 1);
  } else {
    ::unsetenv(name_.c_str());
  }
}

}  // namespace pgrecall::test
