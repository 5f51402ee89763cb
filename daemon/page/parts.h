#pragma once

#include <string>

#include "page/html.h"
#include "page/moments.h"
#include "page/standing.h"

// The parts that the page is put together from.

namespace pgrecall {

// A round sign: a tick, a dash, a question mark or an exclamation mark, so that it needs no colour to be read.
[[nodiscard]] Html sign(Standing standing);
// A bar of which `part` (0 to 1) is filled, then `other` in a fainter colour.
[[nodiscard]] Html gauge(double part, double other, const std::string& title);
// What somebody may type stands out: "pgrecall" and the words behind it that belong to a command.
[[nodiscard]] Html with_commands(const std::string& text, const std::string& cluster);

// "shop" and how it stands.
[[nodiscard]] Html cluster_card(const ClusterFigures& cluster, const ClusterStanding& standing, const PageView& view);
[[nodiscard]] Html alert_card(const AlertEntry& entry, const Moments& moments);
[[nodiscard]] Html repository_card(const RepositoryFigures& repository, Time now);

}  // namespace pgrecall
