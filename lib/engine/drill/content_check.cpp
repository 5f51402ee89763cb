#include "engine/drill/content_check.h"

#include <unistd.h>

#include <map>
#include <set>

#include "base/wording.h"
#include "engine/canary.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

constexpr std::size_t most_named = 5;

// Tables of pg_catalog by their quoted names. What they hold is read from their files: not by way of an index, which need not
// know of a row that is damaged.
constexpr const char* catalog_tables =
    "select pg_catalog.quote_ident(relname) from pg_catalog.pg_class"
    " where relnamespace = 'pg_catalog'::pg_catalog.regnamespace and relkind = 'r' order by 1";
constexpr const char* relations_without_file =
    "select c.oid::pg_catalog.regclass::text, pg_catalog.pg_relation_filepath(c.oid) from pg_catalog.pg_class c"
    " where c.relkind in ('r', 'i', 't', 'm', 'S') and c.relpersistence = 'p'"
    " and (select size from pg_catalog.pg_stat_file(pg_catalog.pg_relation_filepath(c.oid), true)) is null";

struct ReadCatalogs {
  std::size_t databases = 0;
  std::size_t tables = 0;
  std::size_t relations = 0;
};

void read_catalogs(Connection& connection, const std::string& database, ReadCatalogs& read, DrillChecks& checks,
                   const std::stop_token& stop) {
  connection.exec("set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off");
  const Result tables = connection.exec(catalog_tables);
  for (int row = 0; row < tables.rows(); ++row) {
    throw_if_stopped(stop);
    const std::string table(tables.text(row, 0));
    checks.look_at("catalogs", [&] {
      static_cast<void>(connection.exec("select pg_catalog.count(c::text) from pg_catalog." + table + " c"));
      ++read.tables;
    });
  }
  const Result missing = connection.exec(relations_without_file);
  for (int row = 0; row < missing.rows() && row < static_cast<int>(most_named); ++row) {
    checks.bad("files",
               "the file of " + std::string(missing.text(row, 0)) + " in database " + in_quotes(database) +
                   " is missing: " + std::string(missing.text(row, 1)),
               "look whether the source has it; run pgrecall verify");
  }
  read.relations +=
      connection.exec("select pg_catalog.count(*) from pg_catalog.pg_class where relpersistence = 'p'").unsigned_number(0, 0);
  ++read.databases;
}

// "$libdir/plpgsql" as the file that the server would load; nothing for a path that dynamic_library_path decides.
std::optional<std::string> library_file(const std::string& probin, const std::string& directory) {
  constexpr std::string_view in_directory = "$libdir/";
  std::string path;
  if (probin.starts_with(in_directory)) {
    path = directory + "/" + probin.substr(in_directory.size());
  } else if (probin.starts_with('/')) {
    path = probin;
  } else if (probin.find('/') == std::string::npos) {
    path = directory + "/" + probin;
  } else {
    return std::nullopt;
  }
  return path;
}

bool installed(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0 || ::access((path + ".so").c_str(), R_OK) == 0;
}

std::string list_of(const std::set<std::string>& names) {
  std::string text;
  std::size_t listed = 0;
  for (const std::string& each : names) {
    if (++listed > most_named) {
      return text + " and " + std::to_string(names.size() - most_named) + " more";
    }
    text += (text.empty() ? "" : ", ") + each;
  }
  return text;
}

std::string without_semicolon(std::string sql) {
  const std::size_t last = sql.find_last_not_of(" \t\r\n;");
  sql.resize(last == std::string::npos ? 0 : last + 1);
  return sql;
}

void check_query(const ScratchServer& server, const DrillQuery& query, std::chrono::milliseconds limit, DrillChecks& checks) {
  const std::string what = "query " + query.name;
  checks.look_at(what, [&] {
    Connection connection = server.connect(query.database);
    connection.exec("set statement_timeout = " + std::to_string(limit.count()));
    connection.exec("begin read only");
    // One row is enough, however many there are.
    connection.exec("declare pgrecall_drill no scroll cursor for " + without_semicolon(query.sql));
    const Result result = connection.exec("fetch 1 from pgrecall_drill");
    Expectation::Answer answer{.rows = static_cast<std::size_t>(std::max(0, result.rows())), .value = std::nullopt};
    if (answer.rows > 0 && result.columns() > 0 && !result.is_null(0, 0)) {
      answer.value = std::string(result.text(0, 0));
    }
    const std::string found = answer.value ? in_quotes(*answer.value) : answer.rows == 0 ? "no row" : "NULL";
    if (query.expectation.met_by(answer)) {
      checks.good(what, "answers " + found + ", as expected: " + query.expectation.text());
    } else {
      checks.bad(what, "answers " + found + ", and expected was: " + query.expectation.text(),
                 "look at the data of that moment: pgrecall drill --keep-scratch leaves the copy");
    }
  });
}

}  // namespace

void check_catalogs(const ScratchServer& server, DrillChecks& checks, const std::stop_token& stop) {
  const std::size_t before = checks.all().size();
  ReadCatalogs read;
  for (const std::string& database : server.databases()) {
    checks.look_at("catalogs", [&] {
      Connection connection = server.connect(database);
      read_catalogs(connection, database, read, checks, stop);
    });
  }
  if (checks.all().size() == before) {
    checks.good("catalogs", std::to_string(read.tables) + " catalogs of " + std::to_string(read.databases) + " databases read");
    checks.good("files", "each of " + std::to_string(read.relations) + " relations has its file");
  }
}

void check_libraries(const ScratchServer& server, DrillChecks& checks, const std::stop_token& stop) {
  std::map<std::string, std::set<std::string>> users;  // by library: "function in database"
  std::string directory;
  for (const std::string& database : server.databases()) {
    throw_if_stopped(stop);
    Connection connection = server.connect(database);
    const Result place = connection.exec("select setting from pg_catalog.pg_config where name = 'PKGLIBDIR'");
    directory = place.rows() > 0 ? std::string(place.text(0, 0)) : std::string();
    const Result rows = connection.exec(
        "select p.probin, coalesce('extension ' || e.extname, 'function ' || p.oid::pg_catalog.regproc::text)"
        " from pg_catalog.pg_proc p left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
        " and d.objid = p.oid and d.deptype = 'e' left join pg_catalog.pg_extension e on e.oid = d.refobjid"
        " where p.probin is not null and p.prolang = (select oid from pg_catalog.pg_language where lanname = 'c') group by 1, 2");
    for (int row = 0; row < rows.rows(); ++row) {
      users[std::string(rows.text(row, 0))].insert(std::string(rows.text(row, 1)) + " in database " + in_quotes(database));
    }
  }
  std::size_t missing = 0;
  for (const auto& [library, who] : users) {
    const auto file = library_file(library, directory);
    if (file && !installed(*file)) {
      ++missing;
      checks.bad("libraries", "a library is missing on this host: " + library + ", which " + list_of(who) + " needs",
                 "install the extension's package for this version of PostgreSQL: a recovery on such a host would lack it");
    }
  }
  if (missing == 0) {
    checks.good("libraries", std::to_string(users.size()) + " libraries of functions are installed");
  }
}

void check_queries(const ScratchServer& server, std::span<const DrillQuery> queries, std::chrono::milliseconds limit,
                   DrillChecks& checks, const std::stop_token& stop) {
  for (const DrillQuery& query : queries) {
    throw_if_stopped(stop);
    check_query(server, query, limit, checks);
  }
}

void check_canary(const ScratchServer& server, const std::string& ledger, Time moment, DrillChecks& checks,
                  const std::stop_token& stop) {
  std::optional<Heartbeat> newest;
  for (const std::string& database : server.databases()) {
    throw_if_stopped(stop);
    Connection connection = server.connect(database);
    const auto found = read_heartbeat(connection);
    newest = found && (!newest || found->at > newest->at) ? found : newest;
  }
  checks.add(judge_canary(newest, moment, ledger.empty() ? std::vector<Heartbeat>() : HeartbeatLedger(ledger).read()));
}

}  // namespace pgrecall
