#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "session.h"

namespace pgrecall {

// What a command does: the process's exit code, or an Error.
using Action = std::function<int(Session&)>;

// The declared commands and options, and, once parsed, what was chosen.
struct CommandLine {
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  GlobalOptions options;
  Action action;
  CLI::App app;
};

// Declares one verb below `parent`.
CLI::App& add_verb(CLI::App& parent, const std::string& verb, const std::string& description);
// A verb that only has verbs below it, such as `repo`.
CLI::App& add_group(CommandLine& line, const std::string& verb, const std::string& description);
// What the verb does once it is chosen. Called after its own options were added; adds the global ones, so that these may stand
// before and after the verb.
void on_chosen(CommandLine& line, CLI::App& verb, Action action);

// What CLI11 could not parse, as an Error{usage} that names the nearest verb or option.
[[nodiscard]] Error explain(const CommandLine& line, const CLI::ParseError& problem);
// The format that was asked for, for errors that come before options are parsed.
[[nodiscard]] OutputFormat wanted_format(const std::vector<std::string>& arguments) noexcept;

// Every verb, "config check" and the like included, in order.
[[nodiscard]] std::vector<const CLI::App*> all_verbs(const CommandLine& line);

}  // namespace pgrecall
