#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgrecall {

// Where in a file; lines and columns count from 1, columns in characters.
struct Position {
  int line = 1;
  int column = 1;
};

// What is wrong with (or doubtful about) one place of a configuration file. No part of it holds a secret.
struct Problem {
  std::string file;
  Position position;
  std::string key;   // "clusters.prod.retention.window"; empty where the file as a whole or its YAML is meant
  std::string text;  // what is wrong
  std::string hint;  // what to do about it; may be empty
};

// "file:line:column: key: text; hint: hint"
[[nodiscard]] std::string to_string(const Problem& problem);

// What a value's parser finds wrong with it, without knowing where it stands.
struct Complaint {
  std::string text;
  std::string hint;
};

// The candidate that `word` was most likely meant to be; nothing when none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
// "did you mean X?" where one is near, otherwise "<what>: a, b, c".
[[nodiscard]] std::string suggest(std::string_view word, const std::vector<std::string>& candidates, std::string_view what);
// The text in quotes, shortened and without control characters, so that a message stays one line.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace pgrecall
