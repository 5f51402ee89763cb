#pragma once

#include <optional>
#include <vector>

#include "journal/run.h"

namespace pgrecall {

// What the schedule asks of a verify: JSON as docs/api.md, "Starting a run".
inline constexpr const char* scheduled_verify_options = R"({"repair":true})";

// What follows the run that ended, of its own: where a verify left damage, a backup that shares nothing with earlier ones; when
// that is there, a verify that repairs the earlier ones out of it. Nothing where there is nothing to be done, and where the same
// damage was answered before, or was left by a verify that followed such a backup: `known` are the cluster's newest runs. Pure.
[[nodiscard]] std::optional<Run> next_after_damage(const Run& ended, const std::vector<Run>& known);

}  // namespace pgrecall
