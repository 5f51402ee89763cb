#pragma once

#include <stop_token>
#include <string>

#include "engine/extract/extract.h"
#include "engine/scratch_server.h"

namespace pgrecall {

// The database that everything asked for is in. Error{target_unreachable} with names that are near when it was not there at the
// moment; Error{usage} when it is in several.
[[nodiscard]] std::string find_database(const ScratchServer& server, const ExtractRequest& request, const std::stop_token& stop);

}  // namespace pgrecall
