#pragma once

#include "command_line.h"

namespace pgrecall {

// The verbs below `wal`, one file each.
void add_wal_events(CommandLine& line, CLI::App& wal);
void add_wal_fetch(CommandLine& line, CLI::App& wal);
void add_wal_push(CommandLine& line, CLI::App& wal);
void add_wal_receive(CommandLine& line, CLI::App& wal);
void add_wal_status(CommandLine& line, CLI::App& wal);

}  // namespace pgrecall
