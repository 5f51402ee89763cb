#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/undo/find_changes.h"
#include "output/style.h"

namespace pgrecall {

// What the commands that are suggested need besides the moment.
struct UndoCommands {
  std::string cluster;
  std::string options;                                               // " --repository /srv/backup", or nothing
  enum class Extract { unknown, known } extract = Extract::unknown;  // whether this program has that command
  enum class Limits { usual, given } limits = Limits::usual;         // of the rows that a transaction must have changed
};

// docs/json-output.md, "wal events".
[[nodiscard]] nlohmann::ordered_json wal_events_json(const ChangeFindings& findings, const UndoCommands& commands);
[[nodiscard]] std::string wal_events_text(const ChangeFindings& findings, const UndoCommands& commands, const Style& style);

}  // namespace pgrecall
