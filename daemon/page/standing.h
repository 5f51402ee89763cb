#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alert/book.h"
#include "status/status.h"

// What the status page says first: is all well? Judged so that silence is never taken for health: whatever is not known, or is
// too old to be relied on, is said to be unknown.

namespace pgrecall {

enum class Standing {
  good,
  elsewhere,  // another daemon looks after it
  unknown,
  warning,
  bad,
};
[[nodiscard]] std::string_view name(Standing standing) noexcept;

// What the page is made of. Plain values; whoever makes one owns what it points to.
struct PageView {
  const ServiceFigures* figures = nullptr;          // null: there are none yet
  const std::vector<AlertEntry>* alerts = nullptr;  // null: nobody has judged yet
  Time now{};
  std::string host;
};

inline constexpr double figures_old_after_seconds = 60;
// The age of the figures where it is too high to rely on them.
[[nodiscard]] std::optional<double> too_old(const PageView& view);

struct ClusterStanding {
  Standing standing = Standing::unknown;
  std::string label;   // "recoverable", "window broken": a few words
  std::string reason;  // a sentence; empty where all is well
};
[[nodiscard]] ClusterStanding standing_of(const ClusterFigures& cluster, const PageView& view);

// What would be lost if the server were lost at the time of the figures; nothing where that is not known.
[[nodiscard]] std::optional<double> rpo_seconds(const ClusterFigures& cluster, const ServiceFigures& figures);
[[nodiscard]] std::optional<double> window_seconds(const ClusterFigures& cluster);

struct ServiceVerdict {
  Standing standing = Standing::unknown;
  std::string headline;              // "1 of 3 clusters needs you"
  std::vector<std::string> details;  // sentences
  std::map<std::string, ClusterStanding> clusters;
};
[[nodiscard]] ServiceVerdict verdict_of(const PageView& view);

// Whether somebody is to be told of it: not one that has only just begun, and not one that is over.
[[nodiscard]] bool is_open(const AlertEntry& entry) noexcept;

}  // namespace pgrecall
