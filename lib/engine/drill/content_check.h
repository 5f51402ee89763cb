#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "engine/drill/drill.h"
#include "engine/drill/drill_checks.h"
#include "engine/scratch_server.h"

// What a drill looks at in a server that stands at its target and cannot be written to.

namespace pgrecall {

// Every row of every catalog of every database can be read, and every relation that they name has its file.
void check_catalogs(const ScratchServer& server, DrillChecks& checks, const std::stop_token& stop);
// The libraries that functions of the databases are in are installed on this host.
void check_libraries(const ScratchServer& server, DrillChecks& checks, const std::stop_token& stop);
// What the user asked for; `limit` for each.
void check_queries(const ScratchServer& server, std::span<const DrillQuery> queries, std::chrono::milliseconds limit,
                   DrillChecks& checks, const std::stop_token& stop);

// The newest heartbeat of any database against those that were written, for a copy that is of `moment`.
void check_canary(const ScratchServer& server, const std::string& ledger, Time moment, DrillChecks& checks,
                  const std::stop_token& stop);

}  // namespace pgrecall
