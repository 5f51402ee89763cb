#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "journal/run.h"
#include "schedule/off_peak.h"

namespace pgrecall {

// Which run is next. Pure.

struct RunLimits {
  unsigned all = 2;                               // runs at the same time
  std::map<std::string, unsigned> of_repository;  // 1 where it says nothing
};

// A run that waits, and what its cluster's configuration says of it.
struct WaitingRun {
  std::string id;
  std::string cluster;
  std::string repository;
  RunTrigger trigger = RunTrigger::manual;
  std::optional<Time> not_before;
  std::optional<OffPeak> off_peak;
  TimeZone zone;
  bool cluster_is_ours = true;  // false while another daemon has it, or its repository does not open
};

struct RunningRun {
  std::string id;
  std::string cluster;
  std::string repository;
};

// Whether limits leave room for one more in this repository.
[[nodiscard]] bool has_room(const RunLimits& limits, const std::vector<RunningRun>& running, const std::string& repository);

struct RunChoice {
  std::optional<std::string> next;             // id of the run to be started now
  std::map<std::string, std::string> reasons;  // of the others: what each waits for
  std::optional<Time> wake;                    // when one of them may start, as far as that depends on the time
};
// What somebody asked for comes first, then repairs, then the rest; among equals the one that was there first. A run that has to
// wait holds up no other.
[[nodiscard]] RunChoice choose_run(const std::vector<WaitingRun>& waiting, const std::vector<RunningRun>& running,
                                   const RunLimits& limits, Time now);

}  // namespace pgrecall
