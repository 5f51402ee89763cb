#pragma once

#include "jobs/job.h"
#include "output/console.h"

namespace pgrecall {

// Prints what a job has to say, and returns the exit code.
int show_outcome(const JobOutcome& outcome, Console& console);

}  // namespace pgrecall
