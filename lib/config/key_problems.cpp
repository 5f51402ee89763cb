#include "config/key_problems.h"

#include <fmt/format.h>

#include <array>

namespace pgrecall {

namespace {
constexpr std::array<const char*, 4> suffixes{"", "_file", "_env", "_credential"};
}

bool KeyProblems::has_secret(const std::string& path, const std::string& secret) const {
  for (const char* suffix : suffixes) {
    if (has(path + "." + secret + suffix)) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> KeyProblems::keys_within(const std::string& path) const {
  std::vector<std::string> keys;
  const std::string prefix = path + ".";
  for (auto each = positions_.lower_bound(prefix); each != positions_.end() && each->first.starts_with(prefix); ++each) {
    keys.push_back(each->first);
  }
  return keys;
}

void KeyProblems::one_source(const std::string& path, const std::string& secret) {
  std::string first;
  for (const char* suffix : suffixes) {
    const std::string key = secret + suffix;
    if (!has(path + "." + key)) {
      continue;
    }
    if (first.empty()) {
      first = key;
    } else {
      error(path + "." + key, fmt::format("stands beside \"{}\"", first), "keep one of them");
    }
  }
}

void KeyProblems::doubtful(const std::string& path, const std::string& secret, const SecretSource& source) {
  const auto* suffix = source.file ? "_file" : (source.environment ? "_env" : (source.credential ? "_credential" : ""));
  warn(path + "." + secret + suffix, doubt(source));
}

Position KeyProblems::position(const std::string& key) const {
  const auto found = positions_.find(key);
  return found == positions_.end() ? Position{} : found->second;
}

void KeyProblems::error(const std::string& key, std::string text, std::string hint) {
  errors_.push_back({{}, position(key), key, std::move(text), std::move(hint)});
}

void KeyProblems::warn(const std::string& key, const std::optional<Complaint>& complaint) {
  if (complaint) {
    warnings_.push_back({{}, position(key), key, complaint->text, complaint->hint});
  }
}

}  // namespace pgrecall
