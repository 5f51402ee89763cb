#pragma once

#include <cstddef>
#include <string>

#include "base/wording.h"

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
  std::size_t offset = 0;  // bytes from the start of the value to what is wrong
};

}  // namespace pgrecall
