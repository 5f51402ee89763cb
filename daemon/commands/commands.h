#pragma once

#include "command_line.h"

namespace pgrecall {

// Each declares one verb, its options and what it does; one file a verb.
void add_alert(CommandLine& line);
void add_backup(CommandLine& line);
void add_check(CommandLine& line);
void add_config(CommandLine& line);
void add_drill(CommandLine& line);
void add_expire(CommandLine& line);
void add_extract(CommandLine& line);
void add_daemon(CommandLine& line);
void add_list(CommandLine& line);
void add_pin(CommandLine& line);
void add_repo(CommandLine& line);
// Below `repo`.
void add_repo_sweep(CommandLine& line, CLI::App& group);
void add_restore(CommandLine& line);
void add_schedule(CommandLine& line);
void add_runs(CommandLine& line);
void add_show(CommandLine& line);
void add_status(CommandLine& line);
void add_supabase(CommandLine& line);
void add_verify(CommandLine& line);
void add_version(CommandLine& line);
void add_wal(CommandLine& line);

// All of them, in the order of --help.
void declare_commands(CommandLine& line);

}  // namespace pgrecall
