#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/verify.h"

namespace pgrecall {

// Gathers what verify finds. The same thing found for several backups is one finding that names them all. Bounded: after
// max_findings the rest is counted only. Safe for many threads.
class VerifyFindings {
 public:
  static constexpr std::size_t max_findings = 10'000;
  static constexpr std::size_t max_backups_named = 100;

  // `place` tells findings of one kind and object apart: an offset, a file and block.
  void add(Finding finding, std::string_view place = {});
  // Damage that a read met, as the Error{corruption} tells it; of the object that it names, else of `object`.
  void corrupt(const Error& error, const std::string& object, const std::string& backup, std::string_view place = {},
               const std::string& file = {});
  // Another backup is hit by what was found already; nothing happens when nothing was.
  void also_hits_if_found(std::string_view kind, const std::string& object, std::string_view place, const std::string& backup);
  // The same for what is known to be damaged, also where it was only counted.
  void also_hits(std::string_view kind, const std::string& object, std::string_view place, const std::string& backup);

  // Also true where it may have been counted only.
  [[nodiscard]] bool found(std::string_view kind, const std::string& object) const;
  // The first damage of a backup; nothing for a backup without.
  [[nodiscard]] std::optional<std::string> damage_of(const std::string& backup) const;
  // Damage first. The collection is empty afterwards.
  [[nodiscard]] std::vector<Finding> take();

 private:
  void hit(Finding& finding, const std::string& backup);

  mutable std::mutex mutex_;
  std::map<std::string, Finding> findings_;
  std::map<std::string, std::string> damaged_backups_;
  std::uint64_t not_listed_damage_ = 0;
  std::uint64_t not_listed_notices_ = 0;
};

}  // namespace pgrecall
