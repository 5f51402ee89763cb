#include "config/problem.h"

#include <fmt/format.h>

namespace pgrecall {

std::string to_string(const Problem& problem) {
  std::string text = fmt::format("{}:{}:{}: ", problem.file, problem.position.line, problem.position.column);
  if (!problem.key.empty()) {
    text += problem.key + ": ";
  }
  text += problem.text;
  if (!problem.hint.empty()) {
    text += "; hint: " + problem.hint;
  }
  return text;
}

}  // namespace pgrecall
