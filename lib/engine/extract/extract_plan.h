#pragma once

#include <stop_token>

#include "engine/extract/extract.h"
#include "engine/scratch_directory.h"

namespace pgrecall {

// The plan of the restore, and pg_dump where one is needed.
[[nodiscard]] ExtractPlan plan_extract_into(const Repository& repository, const ExtractRequest& request,
                                            const ScratchDirectory& scratch, const std::stop_token& stop);

// Refuses what would be refused in the end, before hours are spent on it.
void require_room_for_names(const ExtractRequest& request, const std::stop_token& stop);
// Of names in the live database that are taken. `option` is the one that was given for it: "table".
[[nodiscard]] Error name_taken(const std::string& what, const std::string& where, const std::string& example);

// The name that a schema or database gets.
[[nodiscard]] std::string renamed(const std::vector<std::pair<std::string, std::string>>& renames, const std::string& name);
[[nodiscard]] QualifiedName renamed(const std::vector<TableRename>& renames, const QualifiedName& name);

}  // namespace pgrecall
