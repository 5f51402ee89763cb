#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "repository/names.h"

namespace pgrecall {

// A set of packs in 16 bytes each and some slack: millions of insertions, mostly of what is there already.
class PackSet {
 public:
  void insert(const PackId& id) {
    if (!ids_.empty() && ids_.back() == id) {
      return;
    }
    ids_.push_back(id);
    if (ids_.size() >= 2 * sorted_ + slack) {
      compact();
    }
  }

  // Sorted, each once; the set is empty afterwards.
  [[nodiscard]] std::vector<PackId> take() {
    compact();
    sorted_ = 0;
    return std::exchange(ids_, {});
  }

 private:
  static constexpr std::size_t slack = 4096;

  void compact() {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    sorted_ = ids_.size();
  }

  std::vector<PackId> ids_;
  std::size_t sorted_ = 0;
};

}  // namespace pgrecall
