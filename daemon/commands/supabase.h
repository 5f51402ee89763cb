#pragma once

#include "command_line.h"
#include "jobs/platform.h"

namespace pgrecall {

// Below `supabase`.
void add_supabase_restore(CommandLine& line, CLI::App& group);
void add_supabase_pitr(CommandLine& line, CLI::App& group);

// The platform of a cluster of the configuration, named as the cluster or by its project's reference. Error{usage}.
struct ChosenPlatform {
  std::string cluster;
  Platform platform;
};
[[nodiscard]] ChosenPlatform choose_platform(const std::string& name, Session& session);

// Goes on only once whoever runs this has typed the project's reference, or gave it as `confirmed`; says so on stderr.
// Error{usage} for anything else.
void require_confirmation(const std::string& project, const std::string& confirmed, const std::string& hint, Console& console);

}  // namespace pgrecall
