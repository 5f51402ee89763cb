#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "engine/restore.h"
#include "engine/restore_target.h"
#include "repository/repository.h"

namespace pgrecall {

// Writes the WAL that makes the backup consistent into pg_wal, with the timeline's history, every byte checked. A segment that is
// only known by tails ends in zeros. Returns the number of segments. `keep` gets the paths, relative to the data directory.
std::uint64_t restore_wal(const Repository& repository, const RestorePlan& plan, const RestoreTarget& target, PathSet& keep,
                          const std::stop_token& stop);

}  // namespace pgrecall
