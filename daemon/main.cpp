#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "command_line.h"
#include "engine/wal/prefetch.h"
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

// PostgreSQL takes most exit codes of its restore_command for "there is no such file".
int exit_code_for_caller(const std::vector<std::string>& arguments, int failed_with) {
  constexpr std::array<std::string_view, 2> fetch{"wal", "fetch"};
  return std::search(arguments.begin(), arguments.end(), fetch.begin(), fetch.end()) == arguments.end() ? failed_with
                                                                                                        : exit_fetch_failed;
}

// A segment that lies ready is moved before anything else is looked at: recovery waits for every one of them. In the form that
// `restore` writes restore_command: wal fetch CLUSTER %f %p ...
void hand_over_prefetched_segment(int argc, char** argv) {
  if (argc > 5 && std::string_view(argv[1]) == "wal" && std::string_view(argv[2]) == "fetch" && argv[3][0] != '-' &&
      is_segment_name(argv[4]) && take_prefetched(argv[4], argv[5])) {
    ::_exit(exit_done);  // nothing is open that would have to be closed in order
  }
}

int run(CommandLine& line, const std::vector<std::string>& arguments) {
  Console console = console_of(line.options);
  try {
    Session session(line.options, console);
    return line.action(session);
  } catch (const std::exception& error) {
    return exit_code_for_caller(arguments, report(error, console));
  }
}
}  // namespace

int main(int argc, char** argv) {
  hand_over_prefetched_segment(argc, argv);
  start_with_vector_copies(argv);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(2), seen where it happens
  std::signal(SIGXFSZ, SIG_IGN);  // so is a limit of the size of files (ulimit -f)
  const std::vector<std::string> arguments(argv, argv + argc);
  Console early(wanted_format(arguments), Verbosity::normal, ProgressDisplay::none);
  try {
    CommandLine line;
    try {
      line.app.parse(argc, argv);
    } catch (const CLI::Success& asked_for_help) {
      return line.app.exit(asked_for_help);
    } catch (const CLI::ParseError& problem) {
      return exit_code_for_caller(arguments, report(explain(line, problem), early));
    }
    return run(line, arguments);
  } catch (const std::exception& error) {
    return exit_code_for_caller(arguments, report(error, early));
  }
}
