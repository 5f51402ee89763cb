#pragma once

#include <stop_token>

#include "engine/drill/drill.h"
#include "engine/drill/drill_checks.h"
#include "engine/scratch_directory.h"

namespace pgrecall {

// What a drill will do.
struct DrillPlan {
  DrillRecord::Aim aim = DrillRecord::Aim::asked;
  RestorePlan restore;
};

// Chooses the moment, and plans the restore into `scratch`, with room for what replay adds. `checks` gets what the window itself
// tells: WAL that is missing in it. Errors: those of plan_restore().
[[nodiscard]] DrillPlan plan_drill(const Repository& repository, const DrillRequest& request, const ScratchDirectory& scratch,
                                   Time now, DrillChecks& checks, const std::stop_token& stop);

}  // namespace pgrecall
