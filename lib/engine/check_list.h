#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/check.h"

namespace pgrecall {

// Gathers what `pgrecall check` looked at.
class CheckList {
 public:
  void good(std::string what, std::string detail) { add(CheckItem::State::good, std::move(what), std::move(detail), {}); }
  void warning(std::string what, std::string detail, std::string hint) {
    add(CheckItem::State::warning, std::move(what), std::move(detail), std::move(hint));
  }
  void bad(std::string what, std::string detail, std::string hint) {
    add(CheckItem::State::bad, std::move(what), std::move(detail), std::move(hint));
  }

  // Runs `look`; an error that it throws is something bad that was found. False then. A request to stop is thrown on.
  template <typename Look>
  bool look_at(const std::string& what, const Look& look) {
    try {
      look();
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) {
        throw;
      }
      bad(what, error.what(), error.hint());
      return false;
    }
  }

  [[nodiscard]] std::vector<CheckItem> take() { return std::move(items_); }

 private:
  void add(CheckItem::State state, std::string what, std::string detail, std::string hint) {
    items_.push_back({.state = state, .what = std::move(what), .detail = std::move(detail), .hint = std::move(hint)});
  }

  std::vector<CheckItem> items_;
};

}  // namespace pgrecall
