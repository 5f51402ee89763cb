#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"

namespace pgrecall {

// One line of a .history file: `timeline` ended, and its successor began, at `switch_lsn`.
struct TimelineSwitch {
  Timeline timeline = 0;
  Lsn switch_lsn;
  std::string reason;  // "no recovery target specified", "before 2026-11-23 02:30:00+00" ...; for people only

  bool operator==(const TimelineSwitch&) const = default;
};

// The ancestors of a timeline, oldest first. Source: readTimeLineHistory and writeTimeLineHistory in
// src/backend/access/transam/timeline.c.
struct TimelineHistory {
  Timeline timeline = 0;
  std::vector<TimelineSwitch> ancestors;

  // The timeline that wrote the WAL at `lsn`, following the history of `timeline`.
  [[nodiscard]] Timeline timeline_at(Lsn lsn) const noexcept;
  // Where `ancestor` ended; an invalid LSN for `timeline` itself, and for timelines that are no ancestors.
  [[nodiscard]] Lsn end_of(Timeline ancestor) const noexcept;
  // True when `ancestor` is `timeline` or one of those it came from.
  [[nodiscard]] bool descends_from(Timeline ancestor) const noexcept;
};

// Reads the contents of <timeline>.history. Comments and empty lines are passed over. Error of kind corruption for lines that are
// no switch, timelines that do not rise, and an ancestor not older than `timeline`.
[[nodiscard]] TimelineHistory parse_timeline_history(Timeline timeline, std::string_view text);

// "0000000A.history".
[[nodiscard]] std::string timeline_history_name(Timeline timeline);

}  // namespace pgrecall
