#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "repository/drill_record.h"

namespace pgrecall {

// Gathers what a drill looked at, and what it found. One thread.
class DrillChecks {
 public:
  void good(std::string what, std::string detail) { add(DrillRecord::State::good, std::move(what), std::move(detail), {}); }
  void warning(std::string what, std::string detail, std::string hint) {
    add(DrillRecord::State::warning, std::move(what), std::move(detail), std::move(hint));
  }
  void bad(std::string what, std::string detail, std::string hint) {
    add(DrillRecord::State::bad, std::move(what), std::move(detail), std::move(hint));
  }
  void not_checked(std::string what, std::string why, std::string hint = {}) {
    add(DrillRecord::State::not_checked, std::move(what), std::move(why), std::move(hint));
  }

  void add(DrillRecord::Check check) { checks_.push_back(std::move(check)); }

  // Runs `look`; an error that it throws is something bad that was found. A request to stop is thrown on.
  template <typename Look>
  void look_at(const std::string& what, const Look& look) {
    try {
      look();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) {
        throw;
      }
      bad(what, error.what(), error.hint());
    }
  }

  [[nodiscard]] const std::vector<DrillRecord::Check>& all() const noexcept { return checks_; }

 private:
  void add(DrillRecord::State state, std::string what, std::string detail, std::string hint) {
    checks_.push_back({.state = state, .what = std::move(what), .detail = std::move(detail), .hint = std::move(hint)});
  }

  std::vector<DrillRecord::Check> checks_;
};

}  // namespace pgrecall
