#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "command_line.h"
#include "engine/companions/restore_companions.h"
#include "output/style.h"

namespace pgrecall {

// What `restore` says and does of a backup's companion files: docs/operations.md, "Companion files".

// Error{usage} for options that mean nothing where companion files alone are restored, which is where --into is missing.
void require_companions_only(const CLI::App& verb);

// `restored` is null before it was done.
[[nodiscard]] nlohmann::ordered_json companions_plan_json(const CompanionsPlan& plan, const RestoredCompanions* restored);
[[nodiscard]] std::string companions_plan_text(const CompanionsPlan& plan, const RestoredCompanions* restored,
                                               const Style& style);
// A line on what a backup has that a restore of its database leaves; empty where it has nothing.
[[nodiscard]] std::string companions_left_text(const BackupSummary& summary, const Style& style);

// Warns of what the backup does not have.
void warn_of_missing(const CompanionsPlan& plan, Console& console);

// restore CLUSTER --companions DIR, without --into. `backup`: as --backup gives it.
enum class CompanionsStep { plan, restore };
[[nodiscard]] int restore_companions_only(const std::string& cluster, const std::string& backup, const std::string& into,
                                          CompanionsStep step, Session& session);

}  // namespace pgrecall
