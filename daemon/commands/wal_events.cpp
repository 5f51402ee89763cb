#include <algorithm>

#include "commands/backup_choice.h"
#include "commands/time_option.h"
#include "commands/wal.h"
#include "commands/wal_events_report.h"
#include "config/problem.h"
#include "engine/recovery_target.h"
#include "output/progress_line.h"
#include "output/text.h"

namespace pgrecall {

namespace {
constexpr std::chrono::minutes clock_difference{1};  // between this host and the server, whose clock is in the WAL

struct WalEventsOptions {
  std::string from;
  std::string to;
  std::string from_lsn;
  std::string to_lsn;
  std::optional<Timeline> timeline;
  ChangeSearch search;
};

std::optional<Time> moment_of(std::string_view option, const std::string& text, Console& console) {
  if (text.empty()) {
    return std::nullopt;
  }
  const TypedTime typed = take_time(option, text);
  if (typed.local) {
    console.message(std::string(option) + " without a zone is local time: " + format_local_time(typed.time) + ", which is " +
                    format_exact_time(typed.time));
  }
  return typed.time;
}

std::optional<Lsn> position_of(std::string_view option, const std::string& text) {
  if (text.empty()) {
    return std::nullopt;
  }
  const auto lsn = Lsn::parse(text);
  if (!lsn) {
    throw Error(ErrorKind::usage, std::string(option) + ": " + in_quotes(text) + " is no LSN", "LSNs look like 16/B374D848");
  }
  return lsn;
}

// What is asked for; without a beginning, the day before the end.
ChangeSearch search_of(const WalEventsOptions& options, Session& session) {
  ChangeSearch search = options.search;
  search.from = moment_of("--from", options.from, session.console());
  search.to = moment_of("--to", options.to, session.console());
  search.from_lsn = position_of("--from-lsn", options.from_lsn);
  search.to_lsn = position_of("--to-lsn", options.to_lsn);
  search.timeline = options.timeline;
  if (!search.from && !search.from_lsn && !search.to_lsn) {
    search.from = search.to.value_or(session.clock().now()) - std::chrono::hours(24);
  }
  if ((search.from && search.to && *search.from > *search.to) ||
      (search.from_lsn && search.to_lsn && *search.from_lsn > *search.to_lsn)) {
    throw Error(ErrorKind::usage, "what is asked for ends before it begins", "give the earlier moment to --from");
  }
  if (search.spool.empty() && session.config() != nullptr) {
    search.spool = session.config()->spool;
  }
  return search;
}

UndoCommands commands_of(const WalEventsOptions& options, const Session& session) {
  UndoCommands commands{.cluster = options.search.cluster, .options = session.repeated_options(), .extract = {}};
  if (options.timeline) {
    commands.options += " --timeline " + std::to_string(*options.timeline);
  }
  if (!options.search.spool.empty()) {
    commands.options += " --spool " + shell_word(options.search.spool);
  }
  return commands;
}

int run_wal_events(const WalEventsOptions& options, UndoCommands::Extract extract, Session& session) {
  const std::stop_token stop = session.stop();
  const ChangeSearch search = search_of(options, session);
  const Repository& repository = session.repository_of(search.cluster);
  require_cluster(repository, search.cluster);
  Console& console = session.console();
  Progress progress;
  ChangeFindings findings =
      run_shown(progress, console, "nothing is written by this command; a shorter time is looked through sooner",
                [&] { return find_changes(repository, search, progress, stop); });
  if (search.from && *search.from > session.clock().now() + clock_difference) {
    findings.warnings.emplace_back("--from is in the future: nothing can have ended there yet");
  }
  for (const std::string& warning : findings.warnings) {
    console.warning(warning);
  }
  UndoCommands commands = commands_of(options, session);
  commands.extract = extract;
  commands.limits = search.least_rows ? UndoCommands::Limits::given : UndoCommands::Limits::usual;
  if (console.json()) {
    console.json_data(wal_events_json(findings, commands));
  } else {
    console.data(wal_events_text(findings, commands, console.style()));
  }
  return findings.warnings.empty() ? exit_done : exit_done_with_warnings;
}
}  // namespace

void add_wal_events(CommandLine& line, CLI::App& wal) {
  CLI::App& verb =
      add_verb(wal, "events", "What was dropped, truncated, or deleted or updated in bulk, and the moment before it");
  const auto options = std::make_shared<WalEventsOptions>();
  verb.add_option("CLUSTER", options->search.cluster, "The cluster")->required();
  const auto from =
      verb.add_option("--from", options->from, "Transactions that ended at this time or later (default: a day before --to)")
          ->type_name("TIME");
  const auto to =
      verb.add_option("--to", options->to, "Transactions that ended at this time or earlier (default: all)")->type_name("TIME");
  verb.add_option("--from-lsn", options->from_lsn, "Transactions that ended at this LSN or behind it")
      ->type_name("LSN")
      ->excludes(from);
  verb.add_option("--to-lsn", options->to_lsn, "Transactions that ended at this LSN or before it")
      ->type_name("LSN")
      ->excludes(to);
  verb.add_option(
          "--min-rows", options->search.least_rows,
          "Rows of one relation that a transaction must have deleted or updated to be listed (default: 10000; or 1000, where "
          "these are half of the relation)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}));
  verb.add_option("--database", options->search.database, "Only this database, by name or oid")->type_name("NAME");
  verb.add_option("--timeline", options->timeline, "Which timeline's history to follow (default: the latest)")
      ->type_name("TIMELINE")
      ->check(CLI::PositiveNumber);
  verb.add_option("--spool", options->search.spool, "Spools of receivers on this host, for WAL that is not in the repository yet")
      ->type_name("DIR");
  verb.add_option("--workers", options->search.workers, "Threads that fetch and decompress (default 2)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  on_chosen(line, verb, [options, &line](Session& session) {
    const bool extracts =
        std::ranges::any_of(all_verbs(line), [](const CLI::App* known) { return known->get_name() == "extract"; });
    return run_wal_events(*options, extracts ? UndoCommands::Extract::known : UndoCommands::Extract::unknown, session);
  });
}

}  // namespace pgrecall
