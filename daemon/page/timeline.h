#pragma once

#include "page/html.h"
#include "page/moments.h"
#include "status/status.h"

namespace pgrecall {

// The recovery window of a cluster, drawn as SVG from its left end to now: what is promised, what can be recovered, what is
// missing, and the backups. Fits any width: nothing in it is scaled, only moved. `stale`: drawn without any colour of health.
enum class Freshness { fresh, stale };
[[nodiscard]] Html timeline_svg(const ClusterFigures& cluster, const Moments& moments, Freshness freshness);

}  // namespace pgrecall
