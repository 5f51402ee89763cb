#pragma once

#include <string>

#include "engine/restore.h"
#include "engine/restore_target.h"

namespace pgrecall {

// Stands in the data directory while a restore is under way, and says which cluster it is: --delta can go on where there is no
// pg_control yet.
inline constexpr const char* restore_marker = ".pgrecall-restore";

// Where the tablespace of the data directory `into` is, as its link says; empty when there is no link, or none to an absolute
// path.
[[nodiscard]] std::string linked_tablespace(const std::string& into, std::uint32_t oid);

// Throws Error{failed} unless the plan's directories may be written: see plan_restore().
void refuse_unfit_directory(const RestorePlan& plan);

// Who will own the files: whoever owns the directory already; else, when root restores, the user postgres; else the one who runs
// this.
[[nodiscard]] FileOwner choose_owner(const std::string& into);

}  // namespace pgrecall
