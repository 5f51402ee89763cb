#include "config/config.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "config/reader.h"
#include "config/yaml_tree.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_file_size = 1U << 20U;  // bytes

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const Error cause = system_error("cannot read the configuration", path, errno);
    throw Error(ErrorKind::configuration, cause.message(),
                "name another with --config FILE, or give --repository and --key-file instead")
        .with("path", path);
  }
  std::string text(max_file_size + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.size() > max_file_size) {
    throw Error(ErrorKind::configuration,
                text.size() > max_file_size ? "the configuration is bigger than 1 MiB" : "cannot read the configuration",
                "name a regular file of YAML with --config FILE")
        .with("path", path);
  }
  return text;
}

void finish(std::vector<Problem>& problems, const std::string& file) {
  for (Problem& problem : problems) {
    problem.file = file;
  }
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.position.line, a.position.column) < std::pair(b.position.line, b.position.column);
  });
}
}  // namespace

ConfigCheck check_config_text(const std::string& text, const std::string& path) {
  ConfigCheck check;
  check.file = path;
  auto tree = parse_yaml(text);
  if (auto* problem = std::get_if<Problem>(&tree)) {
    check.errors.push_back(std::move(*problem));
  } else {
    const std::string directory = std::filesystem::absolute(path).parent_path().string();
    ReadResult read = read_tree(std::get<YamlNode>(tree), directory, check.config);
    check.errors = std::move(read.problems);
    check_combinations(check.config, read.positions, check.errors, check.warnings);
  }
  finish(check.errors, path);
  finish(check.warnings, path);
  return check;
}

ConfigCheck check_config(const std::string& path) { return check_config_text(read_file(path), path); }

std::string default_slot(std::string_view cluster) {
  constexpr std::size_t longest = 63;
  std::string slot = "pgrecall_" + std::string(cluster);
  std::replace(slot.begin(), slot.end(), '-', '_');
  return slot.substr(0, longest);
}

LoadedConfig load_config(const std::string& path) {
  ConfigCheck check = check_config(path);
  if (!check.errors.empty()) {
    std::string message;
    for (const Problem& problem : check.errors) {
      message += (message.empty() ? "" : "\n") + to_string(problem);
    }
    throw Error(ErrorKind::configuration, message, "correct the file, then run pgrecall config check");
  }
  return {std::move(check.file), std::move(check.config), std::move(check.warnings)};
}

}  // namespace pgrecall
