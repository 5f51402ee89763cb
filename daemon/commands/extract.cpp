#include "engine/extract/extract.h"

#include <cstdlib>
#include <filesystem>

#include "base/wording.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "commands/extract_report.h"
#include "commands/option_values.h"
#include "commands/restore_recovery.h"
#include "config/conninfo.h"
#include "config/problem.h"
#include "output/progress_line.h"
#include "postgres/conninfo.h"

namespace pgrecall {

namespace {
struct ExtractOptions {
  std::string cluster;
  std::vector<std::string> tables;
  std::vector<std::string> schemas;
  std::string database;
  std::string query;
  std::string from_database;
  std::string to;
  std::string into;
  std::string format;
  std::vector<std::string> renames;
  bool no_owner = false;
  bool dry_run = false;
  std::string scratch;
  std::string binaries;
  std::optional<unsigned> workers;
  std::string backup = "latest";
  RecoveryOptions recovery;
};

std::string whole_directory(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

ConnectionSettings connection_into(const std::string& conninfo) {
  if (const auto complaint = check_conninfo(conninfo)) {
    throw Error(ErrorKind::usage, "--into: " + complaint->text, complaint->hint);
  }
  if (conninfo_has_secret(conninfo)) {
    throw Error(ErrorKind::usage, "--into holds a password, and everybody on this host can read a command line",
                "give it by a password file (PGPASSFILE, ~/.pgpass), a service file or PGPASSWORD; change this one, it was seen");
  }
  ConnectionSettings settings;
  settings.conninfo = conninfo;
  settings.application_name = "pgrecall extract";
  return settings;
}

void take_selection(ExtractRequest& request, const ExtractOptions& options) {
  using What = ExtractRequest::What;
  if (!options.tables.empty()) {
    request.what = What::tables;
    for (const std::string& table : options.tables) {
      request.tables.push_back(parse_table("--table", table));
    }
    request.table_renames = parse_table_renames(options.renames, request.tables);
  } else if (!options.schemas.empty()) {
    request.what = What::schemas;
    for (const std::string& schema : options.schemas) {
      request.schemas.push_back(parse_one_name("--schema", schema));
    }
    request.renames = parse_renames(options.renames, request.schemas, "schema");
  } else if (!options.database.empty()) {
    request.what = What::database;
    request.database = options.database;
    request.renames = parse_renames(options.renames, {request.database}, "database");
  } else if (!options.query.empty()) {
    request.what = What::query;
    request.query = options.query;
  } else {
    throw Error(ErrorKind::usage, "what to extract was not said",
                "add --table SCHEMA.TABLE, --schema SCHEMA, --database NAME or --query SQL");
  }
}

void refuse_mixtures(const ExtractRequest& request, const ExtractOptions& options) {
  using What = ExtractRequest::What;
  if (options.to.empty() == options.into.empty()) {
    throw Error(ErrorKind::usage, "where to extract to was not said",
                "add --to DIR for files, or --into CONNINFO for a live database");
  }
  const bool to_database = !options.into.empty();
  if (request.what == What::query && (to_database || !options.renames.empty())) {
    throw Error(
        ErrorKind::usage, "the result of --query goes to a file",
        "use --to DIR; for rows in a live database extract the table, under another name where it is taken: --table, --rename");
  }
  if (request.what == What::database && !options.from_database.empty()) {
    throw Error(ErrorKind::usage, "--from-database means nothing with --database", "leave one of them out");
  }
  if (request.what == What::database && !to_database && !options.renames.empty()) {
    throw Error(ErrorKind::usage, "--rename means nothing for a database in files", "load them into a database of any name");
  }
  if (to_database && options.format == "csv") {
    throw Error(ErrorKind::usage, "--format is for files", "use it with --to");
  }
}

// The role that backs the cluster up is one that the copy has, too.
std::vector<std::string> roles_of_connection(const ClusterConfig& configured) {
  ConnectionSettings settings;
  settings.conninfo = configured.connection.reveal();
  const ConnectParameters parameters = connect_parameters(settings, ReplicationMode::none);
  const std::string* user = parameters.find("user");
  return user == nullptr ? std::vector<std::string>() : std::vector<std::string>{*user};
}

void take_place(ExtractRequest& request, const ExtractOptions& options, Session& session) {
  const Config* config = session.config();
  if (config != nullptr && config->clusters.contains(options.cluster)) {
    const ClusterConfig& configured = config->clusters.at(options.cluster);
    request.binaries = configured.drill.binaries;
    request.users = roles_of_connection(configured);
    request.workers = configured.parallel.workers;
  }
  if (!options.binaries.empty()) {
    request.binaries.insert(request.binaries.begin(), whole_directory(options.binaries));
  }
  const char* temporary = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  // What is as large as the cluster does not belong into memory, where /tmp often is.
  const std::string usual =
      config != nullptr ? config->scratch
                        : std::string(temporary != nullptr && *temporary != '\0' ? temporary : "/var/tmp") + "/pgrecall-scratch";
  request.scratch = whole_directory(options.scratch.empty() ? usual : options.scratch);
  request.workers = options.workers.value_or(request.workers);
}

ExtractRequest extract_request(const ExtractOptions& options, Session& session) {
  ExtractRequest request;
  request.cluster = options.cluster;
  take_selection(request, options);
  refuse_mixtures(request, options);
  request.from_database = options.from_database;
  request.to = whole_directory(options.to);
  if (!options.into.empty()) {
    request.into = connection_into(options.into);
  }
  request.format = options.format == "csv" ? ExtractRequest::Format::csv : ExtractRequest::Format::sql;
  request.owners = options.no_owner ? ExtractRequest::Owners::leave : ExtractRequest::Owners::keep;
  take_place(request, options, session);
  auto recovery = recovery_request(options.recovery, options.cluster, session);
  if (!recovery) {
    throw Error(ErrorKind::usage, "of which moment was not said",
                "add --at TIME, --lsn, --xid, --name or --latest; pgrecall wal events " + options.cluster +
                    " lists what was dropped when");
  }
  request.recovery = std::move(*recovery);
  request.backup = parse_backup_choice(options.backup);
  request.passphrase = passphrase_without_file(options.cluster, session);
  return request;
}

int run_extract(const ExtractOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  const Repository& repository = session.repository_of(options.cluster);
  const ExtractRequest request = extract_request(options, session);
  Console& console = session.console();
  if (options.dry_run) {
    const ExtractPlan plan = plan_extract(repository, request, stop);
    if (console.json()) {
      console.json_data({{"plan", extract_plan_json(request, plan)}});
    } else {
      console.data(extract_plan_text(request, plan, console.style()));
    }
    return exit_done;
  }
  Progress progress;
  const ExtractReport report = run_shown(progress, console, "the scratch copy was removed, and nothing was brought anywhere",
                                         [&] { return extract(repository, request, progress, stop); });
  for (const std::string& warning : report.plan.restore.warnings) {
    console.detail(warning);
  }
  if (console.json()) {
    console.json_data({{"plan", extract_plan_json(request, report.plan)}, {"extract", extract_json(report)}});
  }
  console.summary(extract_text(request, report, console.style()));
  return exit_done;
}

void add_moment_options(CLI::App& verb, RecoveryOptions& options, std::string& backup) {
  const auto at =
      verb.add_option("--at", options.at, "As it was at this time: 2026-11-23T02:30:00Z, \"2026-11-23 02:30:00 +01:00\"")
          ->type_name("TIME");
  const auto lsn = verb.add_option("--lsn", options.lsn, "As it was at this LSN")->type_name("LSN");
  const auto xid = verb.add_option("--xid", options.xid, "As it was at the end of this transaction")->type_name("XID");
  const auto name = verb.add_option("--name", options.name, "As it was at this restore point")->type_name("NAME");
  const auto latest = verb.add_flag("--latest", options.latest, "As it was at the end of the WAL");
  const std::vector<CLI::Option*> moments{at, lsn, xid, name, latest};
  for (std::size_t i = 0; i < moments.size(); ++i) {
    for (std::size_t j = i + 1; j < moments.size(); ++j) {
      moments[i]->excludes(moments[j]);
    }
  }
  verb.add_flag("--exclusive", options.exclusive, "Right before that moment, not behind it (--at, --lsn, --xid)");
  verb.add_option("--backup", backup, "Which backup to begin with (default: the newest that fits)")->type_name("ID");
  verb.add_option("--timeline", options.timeline,
                  "Which timeline to follow: latest (default), current (the backup's) or its number")
      ->type_name("TIMELINE");
  verb.add_option("--spool", options.spool, "Spools of receivers on this host, for WAL that is not in the repository yet")
      ->type_name("DIR");
}

void add_selection_options(CLI::App& verb, ExtractOptions& options) {
  const auto repeated = [](CLI::Option* option, const std::string& type) {
    return option->type_name(type)->expected(1)->take_all();
  };
  const auto table =
      repeated(verb.add_option("--table", options.tables, "A table, with its partitions; may be repeated"), "SCHEMA.TABLE");
  const auto schema = repeated(verb.add_option("--schema", options.schemas, "A whole schema; may be repeated"), "SCHEMA");
  const auto database = verb.add_option("--database", options.database, "A whole database")->type_name("NAME");
  const auto query = verb.add_option("--query", options.query, "The result of one query, as CSV (with --to)")->type_name("SQL");
  table->excludes(schema)->excludes(database)->excludes(query);
  schema->excludes(database)->excludes(query);
  database->excludes(query);
  verb.add_option("--from-database", options.from_database, "Which database it is in (default: the only one that has it)")
      ->type_name("NAME");
  repeated(verb.add_option("--rename", options.renames, "Another name for a table, schema or database; may be repeated"),
           "OLD=NEW");
}
}  // namespace

void add_extract(CommandLine& line) {
  CLI::App& verb =
      add_verb(line.app, "extract", "Bring single tables, schemas or a database of any moment back, or one query's result");
  const auto options = std::make_shared<ExtractOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  add_moment_options(verb, options->recovery, options->backup);
  add_selection_options(verb, *options);
  const auto to = verb.add_option("--to", options->to, "Into files in this directory: empty or not there yet")->type_name("DIR");
  verb.add_option("--into", options->into, "Into a live database: libpq's connection string or URI, without a password")
      ->type_name("CONNINFO")
      ->excludes(to);
  verb.add_option("--format", options->format, "Of files: sql (default; definitions and rows, for psql) or csv (rows)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"sql", "csv"}));
  verb.add_flag("--no-owner", options->no_owner, "Leave owners and grants out: everything belongs to whoever loads it");
  verb.add_flag("--dry-run", options->dry_run, "Check what can be checked beforehand and print the plan");
  verb.add_option("--scratch", options->scratch, "Directory for the copy (default: scratch in the configuration)")
      ->type_name("DIR");
  verb.add_option("--binaries", options->binaries, "Where PostgreSQL's programs are (default: where packages put them)")
      ->type_name("DIR");
  verb.add_option("--workers", options->workers, "Threads that read, check and write (default 2)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  on_chosen(line, verb, [options](Session& session) { return run_extract(*options, session); });
}

}  // namespace pgrecall
