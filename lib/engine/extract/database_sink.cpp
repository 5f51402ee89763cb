#include "engine/extract/database_sink.h"

#include "base/error.h"
#include "base/wording.h"

namespace pgrecall {

namespace {

constexpr std::size_t sent_at_once = 1U << 17U;  // bytes
constexpr std::string_view bringing = "bringing rows";

std::string hint_of(std::string_view sqlstate) {
  constexpr std::string_view nothing = "nothing was changed there";
  const auto with = [&](std::string_view hint) { return std::string(nothing) + "; " + std::string(hint); };
  if (sqlstate == "42501") {
    return with("the role of --into may not do this: use one that may, or leave owners and grants out by --no-owner");
  }
  if (sqlstate == "42P07" || sqlstate == "42710" || sqlstate == "42P06" || sqlstate == "42723") {
    return with("the name is taken: bring it under another one by --rename OLD=NEW");
  }
  return std::string(nothing);
}

std::string whom(Connection& connection) {
  return "database " + in_quotes(std::string(connection.exec("select pg_catalog.current_database()").text(0, 0)));
}

}  // namespace

// What the server refuses is said as what it is: not as a server that cannot be reached.
template <typename Operation>
auto DatabaseSink::told(const std::string& what, Operation operation) {
  try {
    return operation();
  } catch (const Error& error) {
    const std::string_view sqlstate = error.context("sqlstate");
    if (sqlstate.empty() || error.kind() == ErrorKind::cancelled) {
      throw;
    }
    throw Error(ErrorKind::failed, description_ + " refuses " + what + ": " + error.message(), hint_of(sqlstate))
        .with("sqlstate", sqlstate);
  }
}

DatabaseSink::DatabaseSink(const ConnectionSettings& settings, unsigned source_major, std::stop_token stop)
    : connection_(Connection::open(settings, ReplicationMode::none, std::move(stop))), description_(whom(connection_)) {
  const Result facts = connection_.exec(
      "select pg_catalog.current_database(), current_user, pg_catalog.pg_is_in_recovery(),"
      " pg_catalog.current_setting('transaction_read_only')::boolean");
  database_ = facts.text(0, 0);
  user_ = facts.text(0, 1);
  if (facts.boolean(0, 2)) {
    throw Error(ErrorKind::failed, description_ + " is on a standby, which takes no writes", "name its primary by --into");
  }
  if (facts.boolean(0, 3)) {
    throw Error(ErrorKind::failed, description_ + " is read only for " + user_ + ": default_transaction_read_only is on there",
                "name another one by --into, or add options='-c default_transaction_read_only=off' to it");
  }
  if (major() < source_major) {
    throw Error(ErrorKind::failed,
                description_ + " is PostgreSQL " + std::to_string(major()) + ", older than the cluster that is extracted from (" +
                    std::to_string(source_major) + ")",
                "definitions of a newer version do not fit: extract to files (--to DIR, --format csv for the rows alone)");
  }
}

bool DatabaseSink::database_exists(const std::string& name) {
  const std::vector<std::optional<std::string>> parameters{name};
  return connection_.exec_params("select 1 from pg_catalog.pg_database where datname = $1", parameters).rows() > 0;
}

std::vector<QualifiedName> DatabaseSink::taken(const std::vector<QualifiedName>& names) {
  std::vector<std::string> schemas;
  std::vector<std::string> relations;
  for (const QualifiedName& name : names) {
    schemas.push_back(name.schema);
    relations.push_back(name.name);
  }
  const std::vector<std::optional<std::string>> parameters{array_literal(schemas), array_literal(relations)};
  const Result found = connection_.exec_params(
      "select w.s, w.r from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) w(s, r)"
      " join pg_catalog.pg_namespace n on n.nspname = w.s join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = "
      "w.r",
      parameters);
  std::vector<QualifiedName> there;
  for (int row = 0; row < found.rows(); ++row) {
    there.push_back({.schema = std::string(found.text(row, 0)), .name = std::string(found.text(row, 1))});
  }
  return there;
}

DatabaseSink::SchemaState DatabaseSink::schema_state(const std::string& schema) {
  const std::vector<std::optional<std::string>> parameters{schema};
  const Result found = connection_.exec_params(
      "select exists (select from pg_catalog.pg_depend d where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass"
      " and d.refobjid = n.oid) from pg_catalog.pg_namespace n where n.nspname = $1",
      parameters);
  if (found.rows() == 0) {
    return SchemaState::missing;
  }
  return found.boolean(0, 0) ? SchemaState::used : SchemaState::empty;
}

std::set<std::string> DatabaseSink::known_roles(const std::vector<std::string>& roles) {
  const std::vector<std::optional<std::string>> parameters{array_literal(roles)};
  const Result found =
      connection_.exec_params("select rolname from pg_catalog.pg_roles where rolname = any($1::text[])", parameters);
  std::set<std::string> known;
  for (int row = 0; row < found.rows(); ++row) {
    known.insert(std::string(found.text(row, 0)));
  }
  return known;
}

std::set<std::string> DatabaseSink::possible_owners(const std::vector<std::string>& roles) {
  const std::vector<std::optional<std::string>> parameters{array_literal(roles)};
  const Result found = connection_.exec_params(
      "select rolname from pg_catalog.pg_roles where rolname = any($1::text[])"
      " and pg_catalog.pg_has_role(current_user, oid, 'MEMBER')",
      parameters);
  std::set<std::string> owners;
  for (int row = 0; row < found.rows(); ++row) {
    owners.insert(std::string(found.text(row, 0)));
  }
  return owners;
}

std::vector<ObjectAddress> DatabaseSink::missing(const std::vector<ObjectAddress>& objects) {
  std::vector<ObjectAddress> absent;
  for (const ObjectAddress& object : objects) {
    const std::vector<std::optional<std::string>> parameters{object.type, object.names, object.arguments};
    try {
      connection_.exec_params("select pg_catalog.pg_get_object_address($1, $2::text[], $3::text[])", parameters);
    } catch (const Error& error) {
      // Class 42: there is no such type, function, relation ... Class 3F: no such schema.
      const std::string_view sqlstate = error.context("sqlstate");
      if (!sqlstate.starts_with("42") && !sqlstate.starts_with("3F")) {
        throw;
      }
      absent.push_back(object);
    }
  }
  return absent;
}

std::vector<std::string> DatabaseSink::unlocked_databases(const std::string& begin, const std::string& lock_key) {
  std::vector<std::string> names;
  if (!connection_.exec("select pg_catalog.pg_try_advisory_lock(" + lock_key + ")").boolean(0, 0)) {
    return names;
  }
  const std::vector<std::optional<std::string>> parameters{begin};
  const Result found = connection_.exec_params(
      "select datname from pg_catalog.pg_database d where pg_catalog.starts_with(datname, $1)"
      " and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)",
      parameters);
  for (int row = 0; row < found.rows(); ++row) {
    names.emplace_back(found.text(row, 0));
  }
  connection_.exec("select pg_catalog.pg_advisory_unlock(" + lock_key + ")");
  return names;
}

void DatabaseSink::execute_alone(const std::string& sql) {
  told("to " + sql.substr(0, sql.find(' ', sql.find(' ') + 1)), [&] { connection_.exec(sql); });
}

void DatabaseSink::begin() {
  told("to begin", [&] {
    connection_.exec("begin");
    // The role or the database may set limits, and either would cut a long transaction off.
    connection_.exec(
        "set local statement_timeout = 0; set local lock_timeout = 0; set local idle_in_transaction_session_timeout = 0;"
        " set local client_min_messages = warning");
  });
}

void DatabaseSink::create_schema(const std::string& schema) {
  told("to make the schema", [&] { connection_.exec("create schema " + quote_identifier(schema)); });
}

void DatabaseSink::definitions(std::string_view sql) {
  std::string text = without_psql_commands(sql, major());
  for (const std::string& schema : kept_schemas_) {
    text = without_line(text, "CREATE SCHEMA " + quote_identifier(schema) + ";");
  }
  told("a definition", [&] { connection_.exec(text); });
}

void DatabaseSink::begin_rows(const ExtractedTable& table) {
  table_ = table.now.text();
  told("rows of " + table_, [&] {
    connection_.send("copy " + table.now.quoted() + " " + table.columns + " from stdin", bringing);
    const auto answer = connection_.next_result(bringing);
    if (!answer || answer->kind() != Result::Kind::copy_in) {
      throw connection_.error("the server does not take rows");
    }
  });
}

void DatabaseSink::flush() {
  if (!buffer_.empty()) {
    connection_.send_copy_message(buffer_, bringing);
    buffer_.clear();
  }
}

void DatabaseSink::rows(ByteView bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= sent_at_once) {
    flush();
  }
}

void DatabaseSink::end_rows() {
  told("rows of " + table_, [&] {
    flush();
    connection_.send_copy_end(bringing);
    connection_.finish_command(bringing);
  });
}

void DatabaseSink::statement(const std::string& sql) {
  told("a statement", [&] { connection_.exec(sql); });
}

std::uint64_t DatabaseSink::count(const ExtractedTable& table) {
  return told("to count rows", [&] {
    return connection_.exec("select pg_catalog.count(*) from only " + table.now.quoted() + " t " + table.condition)
        .unsigned_number(0, 0);
  });
}

void DatabaseSink::finish() {
  told("to commit", [&] { connection_.exec("commit"); });
}

}  // namespace pgrecall
