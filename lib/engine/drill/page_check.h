#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "engine/drill/drill_checks.h"
#include "engine/progress.h"

namespace pgrecall {

// The checksum of every page in the files of a data directory whose server was shut down, by chance and larger files first, until
// `deadline`; what was not looked at is told. A cluster without checksums is, too.
void check_page_checksums(const std::string& data, std::chrono::steady_clock::time_point deadline, std::uint64_t seed,
                          DrillChecks& checks, Progress& progress, const std::stop_token& stop);

}  // namespace pgrecall
