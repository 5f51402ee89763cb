#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/problem.h"
#include "config/yaml_tree.h"

namespace pgrecall {

// What reading a tree into a Config gives besides the Config.
struct ReadResult {
  std::vector<Problem> problems;              // without the file's name
  std::map<std::string, Position> positions;  // by path: of every value, and of the name of every section
};

// Fills `config` from the tree. Relative paths are taken as relative to `directory`.
[[nodiscard]] ReadResult read_tree(const YamlNode& root, const std::string& directory, Config& config);

// What single values cannot know: references, sources that exclude each other, levels that a method lacks. Fills in what follows
// from other values (RepositoryConfig::directory). `errors` and `warnings` get problems without the file's name.
void check_combinations(Config& config, const std::map<std::string, Position>& positions, std::vector<Problem>& errors,
                        std::vector<Problem>& warnings);

}  // namespace pgrecall
