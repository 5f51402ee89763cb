#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "config/secret_source.h"

namespace pgrecall {

// Collects what is wrong with combinations, at the place of the key that somebody would change. Borrows what it is made of.
class KeyProblems {
 public:
  KeyProblems(const std::map<std::string, Position>& positions, std::vector<Problem>& errors, std::vector<Problem>& warnings)
      : positions_(positions), errors_(errors), warnings_(warnings) {}

  // Whether the file has that key.
  [[nodiscard]] bool has(const std::string& key) const { return positions_.contains(key); }
  // Whether it has one of `secret`, `secret`_file, `secret`_env and `secret`_credential in the section at `path`.
  [[nodiscard]] bool has_secret(const std::string& path, const std::string& secret) const;

  // Those that the file has in the section at `path`, and in sections of it.
  [[nodiscard]] std::vector<std::string> keys_within(const std::string& path) const;

  void error(const std::string& key, std::string text, std::string hint);
  void warn(const std::string& key, const std::optional<Complaint>& complaint);

  // An error for the second of those four.
  void one_source(const std::string& path, const std::string& secret);
  // A warning where the secret is not there, or open to others.
  void doubtful(const std::string& path, const std::string& secret, const SecretSource& source);

 private:
  [[nodiscard]] Position position(const std::string& key) const;

  const std::map<std::string, Position>& positions_;
  std::vector<Problem>& errors_;
  std::vector<Problem>& warnings_;
};

struct Config;
struct ClusterConfig;
// What is wrong with a cluster whose kind is supabase-hosted, or with what only such a one has.
void check_supabase(const std::string& name, const ClusterConfig& cluster, KeyProblems& problems);
// What is wrong with the section `alerts` as a whole.
void check_alerts(const Config& config, KeyProblems& problems);

}  // namespace pgrecall
