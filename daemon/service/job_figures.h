#pragma once

#include <set>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "status/status.h"

// What the journal tells of a cluster's jobs, for ServiceFigures.

namespace pgrecall {

// What verifying found.
struct DamageFigures {
  std::uint64_t objects = 0;
  std::string first;  // kind and object of the first finding
};

struct JournalFigures {
  std::vector<JobFigures> jobs;  // by name; what the queue and the schedules know is missing
  DamageFigures damage;          // by the newest verification of the whole cluster
};

// Of all jobs in `scheduled`, and of all that the journal has runs of.
[[nodiscard]] JournalFigures journal_figures(const Journal& journal, const std::string& cluster,
                                             const std::set<std::string>& scheduled);

}  // namespace pgrecall
