#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "engine/drill/drill_checks.h"
#include "engine/progress.h"
#include "engine/scratch_server.h"

namespace pgrecall {

// Tables and indexes by PostgreSQL's own amcheck, as pg_amcheck asks it: verify_heapam() of every table (14 and later), and
// bt_index_check() of every B-tree with a look whether each row of the table is in it. The extension is made in the copy where it
// is installed and the database lacks it: the server can be written to. Catalogs first; then larger ones rather than smaller,
// by chance, until `deadline`: what was not looked at is told.
void check_structures(ScratchServer& server, std::chrono::steady_clock::time_point deadline, std::uint64_t seed,
                      DrillChecks& checks, Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
