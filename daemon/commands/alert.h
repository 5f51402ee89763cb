#pragma once

#include "command_line.h"

namespace pgrecall {

// The verbs below `alert` that ask the daemon.
void add_alert_list(CommandLine& line, CLI::App& alert);
void add_alert_silence(CommandLine& line, CLI::App& alert);

}  // namespace pgrecall
