#include "engine/extract/scratch_search.h"

#include <algorithm>

#include "base/error.h"
#include "base/wording.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

using What = ExtractRequest::What;

constexpr const char* most_candidates = "20000";

std::string words_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

struct Looked {
  std::string database;
  std::vector<std::string> missing;
  std::string hint;  // names that are near the first missing one
};

std::string near_table(Connection& connection, const QualifiedName& table) {
  const Result rows = connection.exec(
      std::string(
          "select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
          " where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname not in ('pg_catalog', 'information_schema')"
          " and n.nspname not like 'pg\\_toast%' limit ") +
      most_candidates);
  std::vector<std::string> all;
  for (int row = 0; row < rows.rows(); ++row) {
    const QualifiedName found{.schema = std::string(rows.text(row, 0)), .name = std::string(rows.text(row, 1))};
    if (found.name == table.name) {
      return found.text();
    }
    all.push_back(found.text());
  }
  return nearest(table.text(), all).value_or(std::string());
}

Looked look_for_tables(Connection& connection, const std::string& database, const std::vector<QualifiedName>& tables) {
  Looked looked{.database = database, .missing = {}, .hint = {}};
  for (const QualifiedName& table : tables) {
    const std::vector<std::optional<std::string>> parameters{table.schema, table.name};
    const Result found = connection.exec_params(
        "select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')",
        parameters);
    if (found.rows() == 0) {
      if (const std::string near = looked.missing.empty() ? near_table(connection, table) : ""; !near.empty()) {
        looked.hint = "did you mean " + near + "?";
      }
      looked.missing.push_back("table " + table.text());
    }
  }
  return looked;
}

Looked look_for_schemas(Connection& connection, const std::string& database, const std::vector<std::string>& schemas) {
  Looked looked{.database = database, .missing = {}, .hint = {}};
  const Result rows = connection.exec("select nspname from pg_catalog.pg_namespace where nspname not like 'pg\\_%'");
  std::vector<std::string> all;
  for (int row = 0; row < rows.rows(); ++row) {
    all.emplace_back(rows.text(row, 0));
  }
  for (const std::string& schema : schemas) {
    if (std::ranges::find(all, schema) == all.end()) {
      looked.hint = looked.missing.empty() ? suggest(schema, all, "schemas then") : looked.hint;
      looked.missing.push_back("schema " + schema);
    }
  }
  return looked;
}

Error was_not_there(const ExtractRequest& request, const Looked& looked) {
  std::string hint = looked.hint;
  const std::string of_database = looked.database.empty() ? "" : "database " + in_quotes(looked.database);
  if (request.from_database.empty() && !hint.empty() && !of_database.empty()) {
    hint += " (" + of_database + ")";
  }
  const std::string where = of_database.empty()             ? ""
                            : request.from_database.empty() ? ", in any database"
                                                            : ", in " + of_database;
  hint += (hint.empty() ? "" : "; ") + std::string("when it was dropped: pgrecall wal events ") + request.cluster;
  return Error(ErrorKind::target_unreachable, words_of(looked.missing) + " was not there at that moment" + where, hint)
      .with("moment", describe(request.recovery.target));
}

void require_database(const std::string& database, const std::vector<std::string>& all, const ExtractRequest& request) {
  if (std::ranges::find(all, database) == all.end()) {
    throw was_not_there(request,
                        {.database = {}, .missing = {"database " + database}, .hint = suggest(database, all, "databases then")});
  }
}

// Those that people make, or `postgres` where there is no other.
std::vector<std::string> databases_of_users(const std::vector<std::string>& all) {
  std::vector<std::string> own;
  std::ranges::copy_if(all, std::back_inserter(own),
                       [](const std::string& name) { return name != "template1" && name != "postgres"; });
  return own.empty() ? std::vector<std::string>{"postgres"} : own;
}

std::string only_database(const std::vector<std::string>& all) {
  const std::vector<std::string> own = databases_of_users(all);
  if (own.size() > 1) {
    throw Error(ErrorKind::usage, "which database the query is for was not said, and there were several: " + words_of(own),
                "say which: --from-database NAME");
  }
  return own.front();
}

}  // namespace

std::string find_database(const ScratchServer& server, const ExtractRequest& request, const std::stop_token& stop) {
  const std::vector<std::string> all = server.databases();
  if (request.what == What::database) {
    require_database(request.database, all, request);
    return request.database;
  }
  if (!request.from_database.empty()) {
    require_database(request.from_database, all, request);
  }
  if (request.what == What::query) {
    return request.from_database.empty() ? only_database(all) : request.from_database;
  }
  std::vector<Looked> looked;
  std::vector<std::string> found;
  for (const std::string& database : request.from_database.empty() ? all : std::vector<std::string>{request.from_database}) {
    throw_if_stopped(stop);
    Connection connection = server.connect(database);
    looked.push_back(request.what == What::tables ? look_for_tables(connection, database, request.tables)
                                                  : look_for_schemas(connection, database, request.schemas));
    if (looked.back().missing.empty() && (database != "template1" || found.empty())) {
      found.push_back(database);
    }
  }
  if (found.empty()) {
    // The one that has most of it; of those that have nothing, the one with a name that is near.
    throw was_not_there(request, *std::ranges::min_element(looked, {}, [](const Looked& each) {
                          return std::pair(each.missing.size(), each.hint.empty());
                        }));
  }
  const bool several_schemas = request.what == What::schemas && found.size() > 1;
  if (found.size() > 1 && request.what == What::schemas) {
    // `public` is everywhere: databases that people make come first.
    const std::vector<std::string> own = databases_of_users(found);
    found = own;
  }
  if (found.size() > 1) {
    throw Error(ErrorKind::usage,
                std::string(several_schemas ? "that schema" : "that table") + " was in several databases: " + words_of(found),
                "say which: --from-database NAME");
  }
  return found.front();
}

}  // namespace pgrecall
