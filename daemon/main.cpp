#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "command_line.h"
#include "error_report.h"
#include "output/console.h"
#include "session.h"
#include "vector_copies.h"

namespace {
using namespace pgrecall;

Console console_of(const GlobalOptions& options) {
  return Console(options.output == "json" ? OutputFormat::json : OutputFormat::text,
                 options.quiet ? Verbosity::quiet : (options.verbose ? Verbosity::verbose : Verbosity::normal),
                 options.no_progress ? ProgressDisplay::none : ProgressDisplay::wanted);
}

int run(CommandLine& line) {
  Console console = console_of(line.options);
  try {
    Session session(line.options, console);
    return line.action(session);
  } catch (const std::exception& error) {
    return report(error, console);
  }
}
}  // namespace

int main(int argc, char** argv) {
  start_with_vector_copies(argv);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(2), seen where it happens
  Console early(wanted_format({argv, argv + argc}), Verbosity::normal, ProgressDisplay::none);
  try {
    CommandLine line;
    try {
      line.app.parse(argc, argv);
    } catch (const CLI::Success& asked_for_help) {
      return line.app.exit(asked_for_help);
    } catch (const CLI::ParseError& problem) {
      return report(explain(line, problem), early);
    }
    return run(line);
  } catch (const std::exception& error) {
    return report(error, early);
  }
}
